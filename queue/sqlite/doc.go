// Package sqlite is the embedded engine of queue.Store: one folder, one process,
// no server, pure Go.
//
// Promise: when Commit returns without an error, the unit is synced to disk. One
// goroutine writes; it takes whatever waits, checks it, appends it to the journal as one
// frame with one sync and then answers all. A unit that breaks a rule is left out of its
// group; a failed sync closes the store for good (queue.ErrFailed), because after one the
// kernel no longer knows which pages reached the disk.
//
// The journal is the truth of the last moments, the tables of everything before. What a
// frame changes waits in memory, at most a quarter of a second under load, and is then
// written into the tables together: a message that is accepted, processed, sent and
// acknowledged within that time is one row written once, and a page is written once for
// all rows on it. That transaction is not synced (synchronous=NORMAL): after a power cut
// SQLite is at an earlier transaction, the tables say which frame they stand at, and the
// frames after it are read again. Bodies of messages, deliveries and plans are written to
// the journal only; rows tell where they lie. So the order of syncs that matters is one: a
// frame before its answer. The database is synced by checkpoints, and the journal is never
// cut before the tables.
//
// Readers wait for what concerns them: each frame notes the ids it touches, and a question
// about one of those has the tables brought up to date first. What is asked for moments
// after it was written (a message just accepted, the deliveries of a message, the one that
// a receipt names) is answered from memory.
//
// Which lanes are due, which messages are new and who holds a lease lives in
// memory and is read back at start; the tables are the truth. Memory holds about
// a hundred bytes for each open lane and sixteen for each delivery in it, never
// the bodies of what waits.
//
// The folder holds samvirke.db with its -wal and -shm, journal/ with the segments, the file
// lock (one process at a time) and bodies/ with content-addressed files of large bodies.
// All of it belongs together: a database without its journal is refused. Never put it
// on a network disk: WAL needs shared memory. Readers of other processes use OpenReader.
package sqlite
