// Package study shows claims about BN-only search, each by one command.
//
// A [Study] has a claim and cells. A cell is a piece of computing that needs no other cell, such as one trained supernet with the
// scores of some networks. Each cell has a folder of its own, which holds its settings from the start and its result at the end. An
// interrupted study therefore goes on, within a cell too, and a repeated one computes nothing. From the results of all cells a
// study makes tables and one HTML page.
//
// Files of the folder of a study:
//
//	cells/NAME/settings.yaml  what the result of a cell depends on
//	cells/NAME/result.json    its result, and what made it; absent until it is complete
//	cells/NAME/.lock          locked while a process computes the cell
//	cells/NAME/run            a run folder (package run), where the cell trains
//	NAME.csv                  the tables
//	report.html               the page
//
// A new study is a file with a Study and a row in the registry. The package prints nothing.
package study
