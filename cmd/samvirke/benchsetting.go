package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/samvirke/samvirke/internal/simulate"
)

// benchTimeout bounds a send: a receiver that only had to wait for the machine must not be sent the same twice.
const benchTimeout = 2 * time.Minute

// benchSetting is the configuration of a gateway that is measured.
type benchSetting struct {
	listen, data, token string
	// urls are those of the sender, where it takes its receipts, and of the receivers.
	urls []string
	// comeBack: receivers go away and come back, so the gateway looks every few seconds whether they are there.
	comeBack bool
	// keep is how long bodies and, after the end of the stay, people and their traces are kept; 0: as without a word about it.
	keep, keepEvery time.Duration
	// database and schema choose PostgreSQL; alive is how long a silent gateway counts as alive there.
	database, schema string
	alive            time.Duration
	// timeout is that of a send, and part of how long a killed gateway's leases last; 0 is benchTimeout.
	timeout time.Duration
}

// yaml is the file: a production gateway with a hospital and its receivers.
func (s *benchSetting) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "listen: %q\ndata_dir: %q\nenvironment: test\nlog: {level: warn}\n", s.listen, s.data)
	if s.database != "" {
		fmt.Fprintf(&b, "store: {postgres: {url: %q, schema: %q", s.database, s.schema)
		if s.alive > 0 {
			fmt.Fprintf(&b, ", alive: %s", s.alive)
		}
		b.WriteString("}}\n")
	}
	if s.keep > 0 {
		fmt.Fprintf(&b, "retention: {when: \"@every %s\", payloads: %s, records: %s, traces: %s, audit: %s}\n", s.keepEvery, s.keep, s.keep, s.keep, s.keep)
	}
	timeout := s.timeout
	if timeout == 0 {
		timeout = benchTimeout
	}
	wire, again := "max_in_flight: 64, timeout: "+timeout.String(), ""
	if s.comeBack {
		again = ", retry: {max: 10s}, breaker: {open_for: 2s}"
	}
	b.WriteString("parties:\n")
	fmt.Fprintf(&b, "  - {id: sender, role: hospital, her: [%q, %q], token: %s, endpoint: {url: %q, %s}, accepts: [{format: kith}], receipts: none}\n",
		simulate.LoadEnterprise, simulate.LoadUnit, s.token, s.urls[0], wire)
	for i, u := range s.urls[1:] {
		fmt.Fprintf(&b, "  - {id: sink-%d, role: other, her: [%s], endpoint: {url: %q, %s}, accepts: [{format: kith}], receipts: apprec%s}\n",
			i, quoted(simulate.SinkHER(i)), u, wire, again)
	}
	b.WriteString("routes:\n  - {name: addressees, to: [addressees]}\n")
	return b.String()
}
