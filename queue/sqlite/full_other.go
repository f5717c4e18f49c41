//go:build !unix

package sqlite

import "io/fs"

// isFull is not known here: a failed write then ends the store.
func isFull(error) bool { return false }

// onDisk is the room a file takes.
func onDisk(info fs.FileInfo) int64 { return info.Size() }
