// Package folder is the file wire: a source that takes messages out of a folder and
// a sender that puts deliveries into one.
//
// In: a scan is the truth, file system notifications only make it come sooner. A file
// is taken when it has stopped changing, by one atomic rename into the work folder;
// it is read, handed over, and after it is kept moved to the done folder, or, when it
// cannot be processed, to the error folder beside a file that says why. Nothing is
// ever deleted. A crash leaves the file in the work folder, where the next start
// finds it; what was kept already is a duplicate then and does no harm.
//
// Out: a delivery is written under a temporary name, synced, renamed and the folder
// synced, so that the receiver never sees half a file and a power cut loses none
// that was reported as taken.
//
// All folders of one source must lie on one file system. One gateway serves a folder.
package folder
