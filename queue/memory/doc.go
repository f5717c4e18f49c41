// Package memory is a queue.Store that keeps everything in maps and slices. It is NOT durable: what it holds is gone with
// the process, so no gateway runs on it, and nothing but tests may import it.
//
// It is the contract of queue as a program that can be read in an evening: rows are structs, a question is a walk over
// them, one lock makes everything atomic. Where the words of the contract and a real engine leave a doubt, it does what the
// words say. And it is fast, so that a test plays a million courses of messages against the gateway in the time that an
// engine on disk needs for some thousands.
//
// # Disk and Store
//
// A Disk holds what an engine would write to its files, a Store what it would hold in memory: lanes, leases, the messages
// to be handed out. Closing the Store and opening the same Disk is a restart: leases are gone, and what was being sent is
// queued again. Opening a Disk that another Store has open is one, too: the other one is closed, as by the crash of its
// process. Every commit counts as synced when it returns.
//
// # How a unit is taken
//
// First everything is looked at and checked, and the rows are made as they will be, as copies (look.go); a unit that breaks a
// rule ends there and has changed nothing. Then the rows are put in place, which cannot fail (put.go). A stored row is never
// changed, it is replaced.
//
// # What it does not do
//
// Listings, Dues over all patients and Erase walk all rows, Lease the lanes of its party: right for thousands of rows, not for
// millions. There is no disk budget, it never fails to sync, and has no metrics.
package memory
