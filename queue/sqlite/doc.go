// Package sqlite is the embedded engine of queue.Store: one folder, one process,
// no server, pure Go.
//
// Promise: when Commit returns without an error, the unit is synced to disk. One
// goroutine writes; it takes whatever waits, runs it as one transaction with one
// sync and then answers all. A unit that breaks a rule is left out of its group; a
// failed sync closes the store for good (queue.ErrFailed), because after one the
// kernel no longer knows which pages reached the disk.
//
// Which lanes are due, which messages are new and who holds a lease lives in
// memory and is read back at start; the tables are the truth. Memory holds about
// a hundred bytes for each open lane and sixteen for each delivery in it, never
// the bodies of what waits.
//
// The folder holds samvirke.db with its -wal and -shm, the file lock (one process
// at a time) and bodies/ with content-addressed files of large bodies. Never put it
// on a network disk: WAL needs shared memory. Readers of other processes use OpenReader.
package sqlite
