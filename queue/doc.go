// Package queue is everything durable: incoming messages, records of the plan,
// plan versions, deliveries in lanes, attempts, receipts, events and audit.
//
// What must hold together is written together: a Unit is one transaction. Commit
// returns only after the unit is synced to disk, so the caller may answer the
// other side as soon as it returns. Engines (queue/sqlite, later queue/postgres)
// put many waiting units into one transaction and one sync; a unit that fails
// never takes its neighbours down.
//
// Ids of messages and deliveries are the caller's. Ids that sort by time of creation (UUID version 7) keep
// the indexes of every engine small and fast: new entries then share a few pages instead of one each.
//
// The package knows nothing of formats, routes or protocols; bodies are bytes.
// Every engine must pass queue/queuetest. queue/memory is the contract as a program, for tests: it keeps nothing.
package queue
