package main

import (
	"fmt"
	"text/tabwriter"
)

// print writes the figures for people.
func (r *benchReport) print(a *app) error {
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', tabwriter.AlignRight)
	row := func(name, format string, v any) { fmt.Fprintf(w, "%s\t"+format+"\t\n", name, v) }
	row("accepted/s", "%.0f", r.AcceptedPerS)
	row("delivered/s (confirmed by receipt)", "%.0f", r.DeliveredPerS)
	row("p50 ms (due to last receipt)", "%.1f", r.P50)
	row("p99 ms", "%.1f", r.P99)
	row("CPU ms/message (gateway alone)", "%.2f", r.CPUPerMessage)
	if r.AllocatedKB > 0 { // of one life of one gateway
		row("of which garbage collector %", "%.0f", 100*r.CollectorShare)
		row("allocated KB/message", "%.0f", r.AllocatedKB)
	}
	if r.PartiesCPU > 0 {
		row("CPU ms/message of bench's own parties", "%.2f", r.PartiesCPU)
	}
	row("peak memory MB", "%.0f", r.MemoryMB)
	row("start ms", "%.0f", r.StartMS)
	row("messages", "%d", r.Accepted)
	row("bytes/message", "%d", r.MessageBytes)
	row("due but not sent in time", "%d", r.Unsent)
	row("lost", "%d", r.Lost)
	row("duplicated", "%d", r.Duplicated)
	row("out of order", "%d", r.OutOfOrder)
	row("changed", "%d", r.Changed)
	r.printGateways(w)
	return w.Flush()
}
