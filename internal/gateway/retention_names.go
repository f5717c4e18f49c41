package gateway

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/samvirke/samvirke/queue"
)

// names lists the settings and counters that name each of these people: by a key itself, or by an opaque id made of it. All settings are
// read once for all of them.
func (f Forget) names(ctx context.Context, all []person, id func(string) string) error {
	whose := map[string][]int{}
	var marks, keys []string
	for i := range all {
		for _, p := range all[i].Patients {
			marks, keys = append(marks, p, id(p)), append(keys, p)
			whose[p], whose[id(p)] = append(whose[p], i), append(whose[id(p)], i)
			all[i].Counters = append(all[i].Counters, recordCounter(id(p)))
		}
	}
	byName, byValue := newFinder(unique(marks)), newFinder(unique(keys))
	for after := ""; ; {
		page, err := f.Store.Settings(ctx, "", after, queue.MaxPage)
		if err != nil {
			return fmt.Errorf("find settings of a person: %w", err)
		}
		for _, s := range page {
			after = s.Name
			if strings.HasPrefix(s.Name, erasurePrefix) {
				continue
			}
			for _, found := range []iter.Seq[string]{byName.all(s.Name), byValue.all(s.Value)} {
				for mark := range found {
					for _, i := range whose[mark] {
						named(&all[i].Erasure, s)
					}
				}
			}
		}
		if len(page) < queue.MaxPage {
			return nil
		}
	}
}

// named adds a setting that names a person, and the counter that goes with it.
func named(e *queue.Erasure, s queue.Setting) {
	if slices.Contains(e.Settings, s.Name) {
		return
	}
	e.Settings = append(e.Settings, s.Name)
	if party, patient, ok := strings.Cut(s.Value, "\x1f"); ok && slices.Contains(e.Patients, patient) {
		e.Counters = append(e.Counters, NoticeCounter(party, patient))
	}
}
