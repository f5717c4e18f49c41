package api

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
)

// Bounds of what is kept of the past.
const (
	// MaxSteps is how many arrivals one history walks back; what changed before is shown as it stood then.
	MaxSteps = 1000
	// maxTimelines is how many timelines are kept in memory; each holds ids, digests and times only.
	maxTimelines = 256
)

// timeline is the story of a plan as one viewer may see it: for every resource, the versions it had. It is worked
// out by folding what had arrived at each point, with today's rights of the viewer: what is hidden today
// is hidden in the past too and leaves no version behind.
type timeline struct {
	versions map[string][]version // by reference
	last     time.Time            // arrival of the newest record
	now      map[string]string    // reference -> digest at the end
}

// version is one state of a resource.
type version struct {
	id     string // "" when it was withdrawn
	at     time.Time
	digest string
}

// timelines keeps the newest timelines. It is a shortcut only: each is held against the plan before it is used.
type timelines struct {
	mu   sync.Mutex
	list map[[32]byte]*timeline
}

func (t *timelines) get(key [32]byte) *timeline {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.list[key]
}

func (t *timelines) put(key [32]byte, l *timeline) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.list == nil || len(t.list) >= maxTimelines {
		t.list = map[[32]byte]*timeline{}
	}
	t.list[key] = l
}

// timeline gives the story of a chart.
func (a *api) timeline(ch *chart) *timeline {
	key := ch.key()
	if t := a.times.get(key); t != nil && t.holds(ch.items) {
		return t
	}
	t := &timeline{versions: map[string][]version{}, now: map[string]string{}}
	times := arrivals(ch.records)
	for i, at := range times {
		if i == len(times)-1 {
			t.step(at, ch.items, ch.told(ch.view, at))
			break
		}
		p := a.at(ch, at)
		t.step(at, a.export(p, ch.plan), ch.told(p, at))
	}
	a.times.put(key, t)
	return t
}

// at folds what had arrived at a time, as the viewer may see it today.
func (a *api) at(ch *chart, at time.Time) *careplan.Plan {
	return careplan.FoldWith(ch.records, a.fold(careplan.Options{Subject: ch.patient, Viewer: &ch.viewer, Until: at}))
}

// key names who looks at which records: what the timeline hangs on.
func (ch *chart) key() [32]byte {
	h := sha256.New()
	v := ch.viewer
	fmt.Fprintf(h, "%s\x1f%q\x1f%q\x1f%t\x1f%t\x1f%s", ch.plan, v.HER, v.Person, v.Patient, v.Private, v.Purpose)
	for i := range ch.records {
		fmt.Fprintf(h, "\x1f%s\x1f%s", ch.records[i].Key, ch.records[i].Hash)
	}
	var out [32]byte
	h.Sum(out[:0])
	return out
}

// arrivals are the times at which records came, oldest first, the newest MaxSteps of them.
func arrivals(records []careplan.Record) []time.Time {
	var out []time.Time
	for i := range records {
		out = append(out, records[i].Receive)
	}
	slices.SortFunc(out, time.Time.Compare)
	out = slices.CompactFunc(out, time.Time.Equal)
	if len(out) > MaxSteps {
		out = out[len(out)-MaxSteps:]
	}
	return out
}

// told tells whether any record that arrived at a time is one that the viewer sees.
func (ch *chart) told(p *careplan.Plan, at time.Time) bool {
	seen := seenIn(p)
	return slices.ContainsFunc(ch.records, func(r careplan.Record) bool {
		if !r.Receive.Equal(at) {
			return false
		}
		_, known := slices.BinarySearch(seen, r.Key.String())
		return known
	})
}

// step notes what changed. What is gone without anything that the viewer sees having come, by a withdrawal that they may
// not see or with time alone, is not there from then on; that it was withdrawn, and when, is not told, also not by a second
// version when it comes back as it was.
func (t *timeline) step(at time.Time, items []item, told bool) {
	there := make(map[string]bool, len(items))
	for i := range items {
		ref := items[i].Ref()
		there[ref] = true
		if sum := items[i].digest; t.now[ref] != sum {
			t.now[ref] = sum
			if n := len(t.versions[ref]); n > 0 && t.versions[ref][n-1].digest == sum {
				continue
			}
			t.versions[ref] = append(t.versions[ref], version{nth(sum, t.versions[ref]), at, sum})
		}
	}
	for ref := range t.now {
		if !there[ref] {
			delete(t.now, ref)
			if told {
				t.versions[ref] = append(t.versions[ref], version{at: at})
			}
		}
	}
	t.last = at
}

// nth is the version of a digest that was shown in some of the versions before: the second time has another name.
func nth(sum string, before []version) string {
	n := 1
	for i := range before {
		if before[i].digest == sum {
			n++
		}
	}
	if n == 1 {
		return sum
	}
	return sum + "-" + itoa(n)
}

// holds tells whether the timeline ends with what stands now: rights may have begun or ended with time alone.
func (t *timeline) holds(items []item) bool {
	if len(items) != len(t.now) {
		return false
	}
	for i := range items {
		if t.now[items[i].Ref()] != items[i].digest {
			return false
		}
	}
	return true
}

// stamp writes meta into a resource: its version and when that began.
func (a *api) stamp(ch *chart, it *item) {
	if !it.updated.IsZero() {
		return
	}
	list := a.timeline(ch).versions[it.Ref()]
	if len(list) == 0 {
		return // cannot happen: the timeline ends with the chart
	}
	it.version, it.updated = list[len(list)-1].id, list[len(list)-1].at
	setMeta(it.Resource, it.version, it.updated)
}

// setMeta puts meta right behind type and id.
func setMeta(n *fhir.Node, version string, at time.Time) {
	meta := n.Get("meta")
	if meta == nil {
		meta = fhir.NewObject()
		n.Set("meta", meta)
	}
	meta.SetText("versionId", version)
	meta.SetText("lastUpdated", fhir.Instant(at.UTC().Truncate(time.Millisecond)))
}
