package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/postgres"
	"github.com/samvirke/samvirke/queue/sqlite"
)

// benchFill fills a store with rows of the past and measures searches in it.
type benchFill struct {
	Fill int64 `help:"Instead: fill a new store in --data, or in --database, with this many messages and measure searches. One that is filled already is only measured." placeholder:"N"`
}

// searched is one search as measured.
type searched struct {
	Search string  `json:"search"`
	Rows   int     `json:"rows"`
	Median float64 `json:"median_ms"`
	Worst  float64 `json:"worst_ms"` // the first time is among them: nothing in memory but what the machine kept
}

// fillReport is what bench --fill prints.
type fillReport struct {
	Engine      string     `json:"engine"`
	Messages    int64      `json:"messages"`
	FillSeconds float64    `json:"fill_seconds"` // 0: was filled before
	StoreMB     float64    `json:"store_mb"`
	Searches    []searched `json:"searches"`
}

// benchSearchRounds is how often each search is asked; the median is reported.
const benchSearchRounds = 11

func (c *benchCmd) fillAndSearch(a *app) error {
	if c.Data == "" && c.Database == "" {
		return fail(exitUsage, "--fill needs --data DIR or --database URL")
	}
	o := storeOptions{file: sqlite.Options{Dir: filepath.Join(c.Data, "store")}}
	r := &fillReport{Engine: "sqlite"}
	if c.Database != "" {
		r.Engine, o.database = "postgres", &postgres.Options{URL: c.Database, Schema: "samvirke_bench"}
	}
	began := time.Now()
	switch err := o.fill(a.ctx, c.Fill, func(done int64) { fmt.Fprintf(a.errs, "filled %d of %d\n", done, c.Fill) }); {
	case errors.Is(err, sqlite.ErrNotEmpty) || errors.Is(err, queue.ErrExists):
	case err != nil:
		return err
	default:
		r.FillSeconds = time.Since(began).Seconds()
	}
	s, err := o.reader(a.ctx)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // reading only
	if err := r.measure(a.ctx, s); err != nil {
		return err
	}
	if c.JSON {
		return a.json(r)
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "%s, %d messages, %.0f MB\nSEARCH\tROWS\tMEDIAN ms\tWORST ms\n", r.Engine, r.Messages, r.StoreMB)
	for _, x := range r.Searches {
		fmt.Fprintf(w, "%s\t%d\t%.2f\t%.2f\n", x.Search, x.Rows, x.Median, x.Worst)
	}
	return w.Flush()
}

func (o storeOptions) fill(ctx context.Context, n int64, progress func(int64)) error {
	if o.database != nil {
		return postgres.Fill(ctx, *o.database, n, progress)
	}
	if err := os.MkdirAll(o.file.Dir, 0o700); err != nil {
		return err
	}
	return sqlite.Fill(ctx, o.file.Dir, n, progress)
}

func (r *fillReport) measure(ctx context.Context, s queue.Reader) error {
	st, err := s.Stats(ctx)
	if err != nil {
		return err
	}
	r.Messages, r.StoreMB = st.Accepted, float64(st.Bytes)/(1<<20)
	// What is asked for is taken from a message in the middle, and one of those with trouble.
	middle, err := s.Messages(ctx, queue.MessageFilter{Before: st.Accepted / 2, Limit: 1})
	if err != nil {
		return err
	}
	if len(middle) == 0 {
		return fail(exitFailed, "the store has too few messages to search in")
	}
	for _, x := range searchesOf(middle[0], st.Accepted) {
		one := searched{Search: x.name}
		var took []float64
		for range benchSearchRounds {
			began := time.Now()
			if one.Rows, err = x.ask(ctx, s); err != nil {
				return fmt.Errorf("search by %s: %w", x.name, err)
			}
			took = append(took, float64(time.Since(began).Microseconds())/1000)
		}
		slices.Sort(took)
		one.Median, one.Worst = took[len(took)/2], took[len(took)-1]
		r.Searches = append(r.Searches, one)
	}
	return nil
}

// search is one question.
type search struct {
	name string
	ask  func(ctx context.Context, s queue.Reader) (rows int, err error)
}

// searchesOf are the questions that pages and commands ask, about a message in the middle of n.
func searchesOf(m samvirke.Message, n int64) (out []search) {
	messages := func(name string, f queue.MessageFilter) {
		out = append(out, search{name, func(ctx context.Context, s queue.Reader) (int, error) {
			list, err := s.Messages(ctx, f)
			return len(list), err
		}})
	}
	deliveries := func(name string, f queue.DeliveryFilter) {
		out = append(out, search{"deliveries: " + name, func(ctx context.Context, s queue.Reader) (int, error) {
			list, err := s.Deliveries(ctx, f)
			return len(list), err
		}})
	}
	day := m.ReceivedAt.Truncate(24 * time.Hour)
	messages("newest", queue.MessageFilter{})
	messages("page in the middle", queue.MessageFilter{Before: n / 2})
	messages("patient", queue.MessageFilter{Patient: m.Patient})
	messages("party", queue.MessageFilter{Party: m.Party})
	messages("party, page in the middle", queue.MessageFilter{Party: m.Party, Before: n / 2})
	messages("kind", queue.MessageFilter{Kind: m.Kind})
	messages("party and kind", queue.MessageFilter{Party: m.Party, Kind: m.Kind})
	messages("party and kind that never came", queue.MessageFilter{Party: m.Party, Kind: "NONE"})
	messages("sender's message id", queue.MessageFilter{ExternalID: m.ExternalID})
	messages("any id: message", queue.MessageFilter{ID: m.ExternalID})
	messages("any id: receipt", queue.MessageFilter{ID: "r" + m.ExternalID})
	messages("any id: nothing", queue.MessageFilter{ID: "nobody has it"})
	messages("status attention", queue.MessageFilter{Status: []samvirke.MessageStatus{samvirke.MessageAttention}})
	messages("status refused, of a party", queue.MessageFilter{Status: []samvirke.MessageStatus{samvirke.MessageRefused}, Party: "party-0"})
	messages("two statuses", queue.MessageFilter{Status: []samvirke.MessageStatus{samvirke.MessageAttention, samvirke.MessageQuarantined}})
	messages("a day", queue.MessageFilter{Since: day, Until: day.AddDate(0, 0, 1)})
	messages("a day of a party and kind", queue.MessageFilter{Party: m.Party, Kind: m.Kind, Since: day, Until: day.AddDate(0, 0, 1)})
	messages("time before all", queue.MessageFilter{Until: time.Unix(1, 0), Party: m.Party})
	messages("text, one rare word", queue.MessageFilter{Text: "line 277"})
	messages("text, common words", queue.MessageFilter{Text: "no answer"})
	messages("text, common and of a party", queue.MessageFilter{Text: "schema invalid", Party: "party-0"})
	messages("text of nothing", queue.MessageFilter{Text: "never said"})
	messages("text, common words, page in the middle", queue.MessageFilter{Text: "no answer", Before: n / 2})
	messages("text, common words, a day", queue.MessageFilter{Text: "no answer", Since: day, Until: day.AddDate(0, 0, 1)})
	messages("text, common words that never meet", queue.MessageFilter{Text: "schema timeout"})
	messages("text, a beginning of many words", queue.MessageFilter{Text: "2"})
	messages("text, a beginning and a word that never meet", queue.MessageFilter{Text: "s timeo schema"})
	messages("text, common words of a kind", queue.MessageFilter{Text: "no answer", Kind: m.Kind})
	messages("text, common words of a patient", queue.MessageFilter{Text: "kith", Patient: m.Patient})
	messages("text, common words, status of few", queue.MessageFilter{Text: "kith", Status: []samvirke.MessageStatus{samvirke.MessageAttention}})
	messages("text, common words, status that has none", queue.MessageFilter{Text: "no answer", Status: []samvirke.MessageStatus{samvirke.MessageAttention}})
	messages("text, common words, status of many that has none", queue.MessageFilter{Text: "no answer", Status: []samvirke.MessageStatus{samvirke.MessageRefused}})
	messages("text, common words, processed but none", queue.MessageFilter{Text: "schema", Status: []samvirke.MessageStatus{samvirke.MessageProcessed}})
	deliveries("newest", queue.DeliveryFilter{})
	deliveries("of a message", queue.DeliveryFilter{MessageID: m.ID})
	deliveries("of a patient", queue.DeliveryFilter{Patient: m.Patient})
	deliveries("to a party", queue.DeliveryFilter{Party: "party-1"})
	deliveries("stopped", queue.DeliveryFilter{State: []samvirke.DeliveryState{samvirke.DeliveryStopped}})
	deliveries("queued or waiting, in the middle", queue.DeliveryFilter{State: []samvirke.DeliveryState{samvirke.DeliveryQueued, samvirke.DeliveryWaiting}, Before: n / 2})
	deliveries("overdue", queue.DeliveryFilter{OverdueAt: time.Now()})
	out = append(out, search{"receipts of a message", func(ctx context.Context, s queue.Reader) (int, error) {
		list, err := s.Receipts(ctx, queue.ReceiptFilter{MessageID: m.ID})
		return len(list), err
	}}, search{"events of a message", func(ctx context.Context, s queue.Reader) (int, error) {
		list, err := s.Events(ctx, queue.EventFilter{MessageID: m.ID})
		return len(list), err
	}})
	return out
}
