package queue

import "slices"

// Point is a boundary on the path of a message: what lies before it is done, what lies behind it is not. A program that is built
// with the tag "fault" can be told to end at one, without any cleaning up; the fault suite does so at each in turn. In every
// other build Reach and Fail are empty, and nothing of them is left in the program.
//
// The name is where the point lies, a dot, and what has just happened or is about to. Names that begin with "sqlite" and
// "postgres" are the engines'.
type Point string

// Points of the conductor.
const (
	PointReceived     Point = "message.received"  // the bytes are here, nothing is stored
	PointAnswer       Point = "message.answer"    // stored, the sender was told nothing
	PointAccept       Point = "accept.commit"     // about to be stored alone, to be processed later
	PointAccepted     Point = "accept.committed"  // stored alone, nobody was told
	PointAtOnce       Point = "atonce.commit"     // processed, about to be stored with all its effects
	PointAtOnceDone   Point = "atonce.committed"  // stored with all its effects
	PointProcess      Point = "process.begin"     // taken from the store, nothing is computed
	PointProcessReady Point = "process.commit"    // computed, about to be stored
	PointProcessDone  Point = "process.committed" // stored, nobody was told
	PointSend         Point = "send.begin"        // leased, nothing was sent
	PointSent         Point = "send.done"         // the receiver has it, the store does not know
	PointOutcome      Point = "outcome.commit"    // the outcome of a send is about to be stored
	PointOutcomeDone  Point = "outcome.committed" // the outcome of a send is stored
	PointReceipt      Point = "receipt.commit"    // a receipt that came as a message is about to be stored
	PointReceiptDone  Point = "receipt.committed" // a receipt is stored, the party was told nothing
	PointRetention    Point = "retention.begin"   // what was kept long enough is about to be dropped
	PointRetained     Point = "retention.dropped" // a piece of it was dropped, more may follow
	PointEraseNoted   Point = "erase.noted"       // it is stored that a person is to be erased, nothing is
	PointEraseEnded   Point = "erase.ended"       // open deliveries and messages of the person are ended
	PointErased       Point = "erase.erased"      // the person is out of the store, the command was told nothing
	PointStarted      Point = "start.loaded"      // a gateway has read what it needs, and works on nothing yet
	PointStopped      Point = "stop.drained"      // a gateway was told to stop and has ended its work
	PointStoreOpened  Point = "start.opened"      // the store is open, erasures that were begun are not ended
	PointStoreStopped Point = "stop.closing"      // the store is about to be closed
)

// Points of the SQLite engine.
const (
	PointMigrate     Point = "sqlite.migrate.begin"     // the schema is about to be brought up to date
	PointMigrated    Point = "sqlite.migrate.done"      // the schema is up to date, the journal was not looked at
	PointRecovered   Point = "sqlite.recovered"         // the tables are at the end of the journal
	PointFrame       Point = "sqlite.frame.write"       // a frame is made, nothing of it is written
	PointFrameSync   Point = "sqlite.frame.sync"        // a frame is written and not synced
	PointFrameSynced Point = "sqlite.frame.synced"      // a frame is synced, nobody was told
	PointRoll        Point = "sqlite.segment.begin"     // a new segment is about to be made
	PointRolled      Point = "sqlite.segment.made"      // a new segment is there, its folder is not synced
	PointBody        Point = "sqlite.body.written"      // a large body is written under another name
	PointBodyNamed   Point = "sqlite.body.named"        // a large body has its name, its folder is not synced
	PointTables      Point = "sqlite.tables.write"      // waiting changes are about to be written into the tables
	PointTablesReady Point = "sqlite.tables.commit"     // they are written, not committed
	PointTablesDone  Point = "sqlite.tables.committed"  // they are committed, what waits is not forgotten
	PointCheckpoint  Point = "sqlite.checkpoint.begin"  // the log is about to be copied into the database
	PointCopied      Point = "sqlite.checkpoint.done"   // it was copied
	PointTidy        Point = "sqlite.tidy.wipe"         // changes are about to be taken out of a segment
	PointTidied      Point = "sqlite.tidy.wiped"        // they were taken out, not synced
	PointSegmentGone Point = "sqlite.tidy.removed"      // a segment is removed, the tables still name it
	PointDrop        Point = "sqlite.drop.committed"    // bodies are dropped from the tables, not overwritten
	PointDropWiped   Point = "sqlite.drop.wiped"        // bodies are overwritten, the list of them is there
	PointShred       Point = "sqlite.shred.overwritten" // a body file is overwritten, not removed
	PointTraces      Point = "sqlite.traces.dropped"    // messages that name nobody are deleted, not committed
	PointAudits      Point = "sqlite.audit.dropped"     // audit entries are deleted, not committed
	PointAgeWritten  Point = "sqlite.age.written"       // pressed bodies are synced, the tables name the old ones
	PointAged        Point = "sqlite.age.named"         // the tables name the pressed bodies, the old ones are not overwritten
	PointAgeWiped    Point = "sqlite.age.wiped"         // the old ones are overwritten
	PointEraseRows   Point = "sqlite.erase.rows"        // a piece of a person's rows is blank
	PointEraseCore   Point = "sqlite.erase.core"        // the plan is gone, bodies and old pages are not
	PointEraseWiped  Point = "sqlite.erase.wiped"       // everything is overwritten, the store is not marked clean
	PointBackupTable Point = "sqlite.backup.database"   // the database is copied, the journal is not
	PointBackupWhole Point = "sqlite.backup.copied"     // everything is copied, the mark of a backup is missing
	PointRestoreMark Point = "sqlite.restore.marked"    // the mark of a restore is there, nothing else
	PointRestoreHalf Point = "sqlite.restore.half"      // the journal is copied back, the database is not
	PointRestored    Point = "sqlite.restore.unmarked"  // the mark is gone, the tables are behind the journal
	PointClose       Point = "sqlite.close"             // all work has ended, the files are open
)

// Points of the PostgreSQL engine.
const (
	PointPgMigrate   Point = "postgres.migrate.begin"   // the schema is about to be brought up to date
	PointPgMigrated  Point = "postgres.migrate.done"    // it is up to date, the least version is not noted
	PointPgRead      Point = "postgres.group.read"      // a group has looked up and locked, nothing is written
	PointPgWrite     Point = "postgres.group.write"     // everything is about to be sent, with the commit
	PointPgCommitted Point = "postgres.group.committed" // a group is committed, nobody was told
	PointPgLeased    Point = "postgres.lease.taken"     // deliveries are leased in the database, nobody has them
	PointPgClaimed   Point = "postgres.inbox.claimed"   // messages are claimed in the database, nobody has them
	PointPgJob       Point = "postgres.job.commit"      // a repair is about to be committed
	PointPgJobDone   Point = "postgres.job.committed"   // a repair is committed
	PointPgAged      Point = "postgres.age.moved"       // bodies of a step are pressed, how far it came is not noted
	PointPgClose     Point = "postgres.close"           // all work has ended, what is in hand is not given back
)

// Points are all of them, in the order of the path.
func Points() []Point {
	return slices.Concat([]Point{
		PointMigrate, PointMigrated, PointPgMigrate, PointPgMigrated, PointRecovered, PointStoreOpened, PointStarted,
		PointReceived, PointAccept, PointAccepted, PointAtOnce, PointAtOnceDone, PointReceipt, PointReceiptDone, PointAnswer,
		PointProcess, PointProcessReady, PointProcessDone, PointSend, PointSent, PointOutcome, PointOutcomeDone,
	}, []Point{
		PointBody, PointBodyNamed, PointFrame, PointFrameSync, PointFrameSynced, PointRoll, PointRolled,
		PointTables, PointTablesReady, PointTablesDone, PointCheckpoint, PointCopied, PointTidy, PointTidied, PointSegmentGone,
		PointDrop, PointDropWiped, PointShred, PointTraces, PointAudits, PointAgeWritten, PointAged, PointAgeWiped, PointEraseRows, PointEraseCore, PointEraseWiped,
		PointBackupTable, PointBackupWhole, PointRestoreMark, PointRestoreHalf, PointRestored, PointClose,
	}, []Point{
		PointPgRead, PointPgWrite, PointPgCommitted, PointPgLeased, PointPgClaimed, PointPgJob, PointPgJobDone, PointPgAged, PointPgClose,
	}, []Point{
		PointRetention, PointRetained, PointEraseNoted, PointEraseEnded, PointErased, PointStopped, PointStoreStopped,
	})
}
