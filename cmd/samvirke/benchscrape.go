package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// scrapeLimit bounds one look at a gateway's metrics, scrapeAgain is how long apart it is tried: a gateway that is too busy to count
// in time says so.
const (
	scrapeLimit = 2 * time.Minute
	scrapeAgain = 100 * time.Millisecond
)

// figuresOf are the metrics of a gateway: name with labels, as they stand in the text form, and value.
type figuresOf map[string]float64

// scrape reads the metrics of the gateway on addr.
func scrape(ctx context.Context, addr string) (figuresOf, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeLimit)
	defer cancel()
	for {
		out, err := scrapeOnce(ctx, addr)
		if !errors.Is(err, errBusy) || !wait(ctx, scrapeAgain) {
			return out, err
		}
	}
}

var errBusy = errors.New("the gateway is too busy to count")

func scrapeOnce(ctx context.Context, addr string) (figuresOf, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // reading only
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read metrics: %s: %w", resp.Status, errBusy)
	}
	out := figuresOf{}
	for in := bufio.NewScanner(resp.Body); ; {
		if !in.Scan() {
			return out, in.Err()
		}
		name, text, found := cutLast(in.Text())
		if value, err := strconv.ParseFloat(text, 64); found && err == nil && !strings.HasPrefix(name, "#") {
			out[name] = value
		}
	}
}

func cutLast(line string) (name, value string, found bool) {
	i := strings.LastIndexByte(line, ' ')
	if i < 0 {
		return "", "", false
	}
	return line[:i], line[i+1:], true
}

// sum adds all that have a name, whatever their labels.
func (f figuresOf) sum(name string) (n float64) {
	for k, v := range f {
		if k == name || strings.HasPrefix(k, name+"{") {
			n += v
		}
	}
	return n
}

// of gives the one with a label, as waiting of a party.
func (f figuresOf) of(name, label, value string) float64 {
	return f[fmt.Sprintf("%s{%s=%q}", name, label, value)]
}

const mega = 1 << 20

func (f figuresOf) residentMB() float64 { return f["process_resident_memory_bytes"] / mega }
func (f figuresOf) liveMB() float64     { return f["go_gc_heap_live_bytes"] / mega }
func (f figuresOf) cpuMS() float64      { return f["process_cpu_seconds_total"] * 1000 }
func (f figuresOf) storeMB() float64    { return f["samvirke_store_bytes"] / mega }
