// Package careplan is the shared plan as a pure function of records.
//
// Nothing is merged in place: every message becomes one immutable Record (FromMessage), and Fold
// computes the Plan from the set. Order of arrival, repeats and restarts cannot change the result; it
// is the same to the byte. No I/O, no clock, no chance: what depends on the time of day (is a gap overdue?)
// is left to the reader, which compares Gap.Due with its own clock.
//
// A fold has three steps, in the order that careplan.md section 8 demands:
//
//  1. Liveness (chain.go): one record per key; conversations put in order by their references, never by
//     the sender's clock alone; a withdrawal takes its whole conversation, also when it comes first.
//     What a person set aside takes no part. Links, memberships, limits and overwritten values are settled here too.
//  2. Visibility (with a Viewer only, view.go): what the viewer may not see is dropped, whole conversations at a
//     time, and with it the limits that hide it: who is denied something sees no trace of that.
//  3. Everything else from what is left: stays, goals, proposals and their answers, function, team, tasks,
//     gaps, flags, each value with the records it rests on.
//
// The plan decides nothing for people. Where sources disagree both stand; what cannot be placed is flagged
// and becomes a task. Values of function scales are shown as the source wrote them: never summed,
// averaged, converted or made from text.
//
// Two things that a reader of careplan.md may look for:
//   - An admission that was withdrawn vanishes, unless other live messages of the same stay exist: then the stay is
//     shown as entered in error. This is the one place where a withdrawn message leaves something to see.
//   - A line of messages is (sender, conversation, kind): a discharge-ready notice that shares its conversation
//     with the admission does not replace it.
//
// The records may be of several people when Options.Subject says whose plan it is: those of everybody whom live links
// of an identity authority or a person tie to it are taken (Class). Danish messages are not here yet.
package careplan
