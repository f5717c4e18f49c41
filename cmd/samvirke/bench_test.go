package main

import (
	"encoding/json"
	"os/exec"
	"testing"
)

// TestBenchMeasuresItsGateway runs the whole bench for a moment: the figures that come out of the gateway's
// process must be there and within reason, and nothing may be lost at so low a rate.
func TestBenchMeasuresItsGateway(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(binary(t), "bench", "--rate", "40", "--duration", "1s", "--data", t.TempDir(), "--json").Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var r benchReport
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	if r.Sent+r.Unsent != 40 || r.Accepted != r.Sent || r.Complete != r.Accepted || r.Receipts != 2*r.Accepted {
		t.Errorf("report %+v", r)
	}
	if r.Lost+r.Duplicated+r.OutOfOrder+r.Changed+r.Unknown != 0 || r.P50 <= 0 || r.P99 < r.P50 {
		t.Errorf("report %+v", r)
	}
	if r.CPUPerMessage <= 0 || r.MemoryMB <= 0 || r.StartMS <= 0 {
		t.Errorf("figures of the process: %+v", r)
	}
	if (r.PartiesCPU > 0) != (ownCPU() > 0) {
		t.Errorf("the parties used %v ms per message", r.PartiesCPU)
	}
	// 8 KB come in and are kept until two receivers took them: less cannot be true.
	if r.AllocatedKB < 8 || r.CollectorShare < 0 || r.CollectorShare > 1 {
		t.Errorf("figures of the runtime: %.1f KB per message, collector %.3f", r.AllocatedKB, r.CollectorShare)
	}
}
