package sqlite

import "fmt"

// lastFrame is the frame that was read last, with what it takes to write it again.
type lastFrame struct {
	at, end      spot
	raw, changes []byte
}

// openJournal reads the journal as readJournal does and makes sure that the last frame is on disk before anybody sees its changes.
//
// Each frame is synced before the next one is written, so only the last can be in memory alone: its sync failed, or the process was
// killed before it. It reads well, and after a restart units would be acknowledged behind it; a power cut would then leave a hole.
// A sync alone does not help: after one that failed the kernel may hold the pages for written. So the frame is written again.
func openJournal(dir string, limit int64, files journalFiles, from spot, replay func(changes []byte, end spot) error) (*journal, error) {
	j, err := readJournal(dir, limit, files, from, replay)
	if err != nil {
		return nil, err
	}
	if err = j.secure(); err == nil {
		err = j.replayLast(replay)
	}
	if err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

// secure writes the last frame again at its place and syncs it. The folder is synced in any case: a segment may have been begun whose
// name was not.
func (j *journal) secure() error {
	if err := j.files.SyncFolder(j.dir); err != nil {
		return fmt.Errorf("sync the journal folder: %w", err)
	}
	if j.last == nil {
		return nil
	}
	f, err := j.files.Open(segmentPath(j.dir, j.last.at.seg), false)
	if err != nil {
		return fmt.Errorf("open the segment of the last frame: %w", err)
	}
	if _, err = f.WriteAt(j.last.raw, j.last.at.at); err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("write the last frame again: %w", err)
	}
	return nil
}

// replayLast hands out the frame that was read last.
func (j *journal) replayLast(replay func(changes []byte, end spot) error) error {
	last := j.last
	if last == nil {
		return nil
	}
	j.last = nil
	return replay(last.changes, last.end)
}
