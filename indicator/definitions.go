package indicator

// Definitions numbers what the terms are. It grows when a term of the same name gets another value for the same network, images and
// settings, beyond rounding: scores of two numbers are never in one ledger. A new term does not change it. TestDefinitions has the values of
// a network.
const Definitions = 1
