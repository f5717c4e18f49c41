// Package postgres keeps a queue.Store in PostgreSQL (14 or newer), for any number of gateways on one database.
//
// # Writing
//
// A unit goes to the one writer of its gateway, which takes whatever waits as one group: one transaction, one sync, two
// round trips. The first locks the row head and looks up everything the units ask about; then the units are applied in
// memory, one after the other, each against what the one before left; the second writes all of it by one
// statement per table, and commits. A unit that breaks a rule is left out before anything is written. When the
// database refuses the group (an id that is taken), each unit runs alone.
//
// The lock on head orders the groups of all gateways: numbers are given in the order in which commits can be seen, so
// that a reader who goes on "after number n" misses nothing, and the audit is one chain.
//
// # Work
//
// Received messages and due lanes are claimed by SELECT ... FOR UPDATE SKIP LOCKED in one short statement that never
// waits for anybody. A lease of a delivery is its lane's: token, owner, and an end by the clock of the database; at
// most one delivery of a lane is leased, the first. A message that is being processed belongs to its gateway while that
// tells the database that it is alive; with that it compares what both know to be in its hands. Both are given back by Close, and taken over when their time is over. Claims are
// committed without waiting for the sync: tokens are random, so one that a crash of the database forgot fits nowhere.
//
// New work goes straight to a caller of the same gateway who waits for it or was there a moment ago (Options.Ahead), claimed in the
// group that makes it. Others are woken by NOTIFY when more is due than this gateway takes itself; that only wakes, a poll finds
// what was missed. A lease that somebody else ends (an erasure, a late receipt, a person) is dropped where its delivery lies ready, in
// other gateways by a NOTIFY; what has lain for a second is looked up before it is handed out.
//
// # When the connection is lost
//
// The writer connects again, with growing pauses. Whether a group whose commit was under way has happened is read
// from the row that every group leaves (mark), under the lock that tells that nobody is still working on it; then it is answered
// or done again. When that cannot be found out within Options.Patience the store fails, as after a failed sync
// (queue.ErrFailed): the gateway starts again and the senders, who got no answer, send again.
//
// # Rolling upgrade
//
// Migrations only add: tables, indexes, columns with a default. So version N goes on beside N+1 on the schema of N+1,
// and N+1 brings the schema up to date when it starts, under an advisory lock, by statements that can be run again after an
// interruption and hold up nobody. One that needs a lock on a table asks for a fifth of a second at a time and lets the others by in
// between, because whoever waits behind a dump or an analyst is himself waited for; after Options.LockPatience it gives up with
// ErrLocked. An index that is made beside running gateways waits for all transactions that began before it, which holds up nobody.
// The log says who is waited for. Meanwhile gateways of version N go on, stop and start, because what they know is all there. A migration that N could not live with
// carries a line "-- needs: V" and raises the schema's floor: versions that know less than V refuse to open it
// (queue.ErrNewer), and it is made one release after the code that no longer needs what it takes away.
//
// # Retention
//
// Bodies whose time is over are dropped in steps of 500 messages (DropPayloads), and tables are not partitioned. What goes by retention
// is bodies, and not by age alone: a message keeps its body until all its deliveries have ended, and its row as long as it names somebody who is not erased (DropTraces). So a partition
// by time would hold rows that must stay, and each index of a partitioned table needs the time in it, or every search by id,
// patient or party asks each partition. What a partition would give is the room in one go and no vacuum. It was measured what steps cost
// instead (BenchmarkRetention, PostgreSQL 15 on two processors that others used too, 100 units/s with 8 KB beside it, steps of 200):
//
//   - 1,000,000 messages with pressed bodies of 800 and 1,060 bytes: 960,000 dropped in 134 s, twice the same, 39 and 46 us of the server's
//     processor each, with those of the units beside it. A vacuum of what they left takes 10 to 15 s. Filled and emptied a second
//     time the table has not grown: 2,033 MB each time.
//   - A unit beside it takes 4 ms (median; p99 96 and 393) instead of 2 (p99 41 and 81). Before a step was a few statements for all
//     of its messages, beside which half of the time belongs to others, its median was 50 to 170 ms, and 300 us of the server's processor
//     were spent on a message.
//   - A run that finds 40,000 messages that must be kept, and nothing to drop, takes 4 s and no lock.
//
// So a day of 1,000,000 messages is dropped in some minutes, in room that the next day fills. That suffices. The VACUUM that makes it
// room is the database's own (autovacuum); the store runs one only behind erasures (Wipe). Files stay as large as they were, so the disk budget
// counts what is occupied of them, by an estimate that errs towards too much (reusableSelect).
//
// # What it does not do
//
// Large bodies lie in the database, not in files. Erasing deletes and vacuums; what lay in unused room of pages,
// in the log, on standbys and in backups is out of reach of a client: use encryption (queue/sealed), whose keys of a person
// are destroyed by the erasure.
package postgres
