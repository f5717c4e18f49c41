package careplan

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// course gives n records of one person: strokes of bad luck, one course after the other.
func course(tb testing.TB, n int) []Record {
	tb.Helper()
	var out []Record
	for round := 0; len(out) < n; round++ {
		for i, m := range strokeCourse() {
			if i == 1 {
				continue // the repeat
			}
			if round > 0 {
				m.id = m.id[:9] + fmt.Sprintf("%04d", round) + m.id[13:]
				if m.parent != "" {
					m.parent = m.parent[:9] + fmt.Sprintf("%04d", round) + m.parent[13:]
					m.conv = m.parent
				}
				m.sent = m.sent.AddDate(0, round, 0)
				for j, r := range m.resources {
					r = r.Clone()
					if p := r.Get("period"); p != nil {
						for _, k := range []string{"start", "end"} {
							if t, err := time.Parse(time.RFC3339, p.Get(k).Text()); err == nil {
								p.SetText(k, stamp(t.In(oslo).AddDate(0, round, 0)))
							}
						}
					}
					m.resources[j] = r
				}
			}
			out = append(out, m.record(tb))
		}
	}
	return out[:n]
}

func BenchmarkFold(b *testing.B) {
	for _, n := range []int{10, 30, 100} {
		list := course(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Fold(list)
			}
		})
	}
}

// BenchmarkStored is the hot path of the gateway: read stored records, fold, encode.
func BenchmarkStored(b *testing.B) {
	for _, n := range []int{10, 30} {
		var raws [][]byte
		size := 0
		for _, r := range course(b, n) {
			raw, err := json.Marshal(r)
			if err != nil {
				b.Fatal(err)
			}
			raws = append(raws, raw)
			size += len(raw)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				list := make([]Record, len(raws))
				for i, raw := range raws {
					var err error
					if list[i], err = ParseRecord(raw); err != nil {
						b.Fatal(err)
					}
				}
				Fold(list).JSON()
			}
		})
	}
}

func BenchmarkFromMessage(b *testing.B) {
	m := strokeCourse()[2]
	bundle, env := m.build()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := FromMessage(bundle, env, Meta{Received: m.sent, MessageID: "x", Mapping: "test/1"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTell is what follows a fold: encode the plan and see whether anybody must be told.
func BenchmarkTell(b *testing.B) {
	list := course(b, 10)
	old, plan := Fold(list[:9]), Fold(list)
	b.Run("JSON", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			plan.JSON()
		}
	})
	b.Run("SamePlan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			SamePlan(old, plan)
		}
	})
}
