// Package cluster scores the architectures of a run in several processes, on one machine or on many.
//
// The process of the search is the coordinator. Serve starts a NATS server with JetStream inside it, or Connect joins one that is
// there. Open puts a run on it: the files that a worker needs go into an object store, and each architecture to score becomes a
// message of a work queue. A worker (Work) opens the run, proves by the key of its scores that it computes the same bits, takes
// architectures from the queue, and answers with their scores. The coordinator alone writes the ledger, in the order in which a
// search asks. The result is therefore that of one process.
//
// A message that a worker has taken is leased to it: without a sign of life for Lease it goes to another worker. From the second try on a
// worker scores the architecture while it has no other. After Tries it is given up, and has failed.
//
//	subject or name        what it carries
//	bnas.join              hello → welcome: a worker asks which session has work
//	bnas.ID.join           the same, of a worker that the coordinator has started
//	bnas.ID.ready          ready → verdict: the key of its scores decides whether it may work
//	bnas.ID.result         result → verdict: the scores of one architecture
//	bnas.ID.alive          alive: a worker is there
//	bnas.ID.end            the session has ended
//	bnas.ID.job, BNAS_ID   the stream of jobs and its consumer "workers"
//	bnas.ID.again          the jobs of the stream that had a first try, for the consumer "again"
//	bnas_ID                the object store with the files
package cluster
