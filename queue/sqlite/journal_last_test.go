package sqlite

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// TestUnsyncedLastFrame leaves a frame that is written and not synced, as a failed sync or a kill does, opens the journal again,
// goes on in the same segment or a new one, and cuts the power: the frame and what was acknowledged behind it are there.
func TestUnsyncedLastFrame(t *testing.T) {
	broken := errors.New("broken disk")
	for what, limit := range map[string]int64{"the same segment": 1 << 20, "a new segment": 1} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			f := &faultFiles{shadow: t.TempDir()}
			read := func(dir string, files journalFiles) (j *journal, got []string, err error) {
				j, err = openJournal(dir, limit, files, spot{1, 0, 1}, func(b []byte, _ spot) error {
					got = append(got, string(b))
					return nil
				})
				return j, got, err
			}
			var want []string
			add := func(j *journal, more bool) (err error) {
				changes := fmt.Sprint("changes ", len(want))
				if more {
					err = j.begin()
				}
				if err == nil {
					j.body([]byte("body"))
					err = j.append([]byte(changes))
				}
				want = append(want, changes)
				return err
			}
			j, _, err := read(dir, f)
			if err == nil {
				err = add(j, true)
			}
			if err == nil {
				err = j.begin()
			}
			if err != nil {
				t.Fatal(err)
			}
			f.set(broken, nil)
			if err := add(j, false); !errors.Is(err, broken) {
				t.Fatalf("a frame that could not be synced: %v", err)
			}
			j.close()
			// As long as it cannot be synced nobody sees it.
			if _, got, err := read(dir, f); !errors.Is(err, broken) || slices.Contains(got, want[1]) {
				t.Fatalf("opened on a broken disk: %q, %v", got, err)
			}
			f.set(nil, nil)
			j, got, err := read(dir, f)
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("opened again: %q, %v", got, err)
			}
			if err := add(j, true); err != nil {
				t.Fatal(err)
			}
			j.close()
			j, got, err = read(f.shadow, diskFiles{})
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("after the power cut: %q, %v, want %q", got, err, want)
			}
			j.close()
		})
	}
}
