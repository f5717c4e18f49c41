// Package sealed keeps the content of a store encrypted: a queue.Store over another one, whatever its engine.
//
// Bodies, envelopes, notes, the texts of receipts and the values of settings are sealed with AES-256-GCM. What belongs
// to a person is sealed under a key of that person, which is random; without that key nothing of it can be read,
// so destroying it is erasing the person. What belongs to nobody known (a message that could not be read, the texts of a
// receipt) is sealed under a key of its own, which stands beside it. In the columns a patient key is replaced by a
// token, a keyed hash, that leads to the person's row. The bytes of a message stay under the key of the person whom it was accepted
// for, also when a later mapping finds that it is about another one: they can be read no more when the first is erased.
//
// The keys hang on each other: the master key, from a file or the environment, seals the root of the store; from the root come
// the key of the tokens, the key of the settings and the key that seals the keys of persons and single bodies. So a new master key needs one row
// written anew.
//
// What stays readable: who sent what kind of message to whom and when, ids of messages, checksums, states and events, and
// the names of settings. Checksums are those of the plain bytes: they show who has the same bytes, and nothing else. Names of settings must not hold a patient key.
package sealed
