package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/samvirke/samvirke/testdata"
)

// demoParty is a simulated party as the demo's configuration needs it.
type demoParty struct {
	testdata.Party
	Token string // what the party sends to us
	URL   string // where we reach it
	Out   string // token we send to it
}

// writeDemoConfig writes the configuration of the demo: the same file format, checked the same way, as
// in production. It returns the file's name.
func writeDemoConfig(dir, listen string, patient string, parties []demoParty) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# Made by samvirke demo. Simulated parties, invented persons.\nlisten: %q\ndata_dir: %q\nenvironment: test\npatients: %q\n# One invented person: counts below five may be told here, and nowhere else.\nfigures: {smallest: 1}\n",
		listen, filepath.Join(dir, "store"), filepath.Join(dir, "patients.csv"))
	b.WriteString("parties:\n")
	var gp, municipality string
	for _, p := range parties {
		switch p.Role {
		case "gp":
			gp = p.ID
		case "municipality":
			municipality = p.Municipality
		}
		fmt.Fprintf(&b, "  - id: %s\n    name: %q\n    role: %s\n    her: [%s]\n    token: %s\n", p.ID, p.Name, p.Role, quoted(p.HER), p.Token)
		if p.Municipality != "" {
			fmt.Fprintf(&b, "    municipality: %q\n", p.Municipality)
		}
		if len(p.Roles) > 0 {
			fmt.Fprintf(&b, "    roles: [%s]\n", quoted(p.Roles))
		}
		fmt.Fprintf(&b, "    endpoint: {url: %q, token: %s, timeout: 10s}\n    receipts: %s\n    accepts:\n", p.URL, p.Out, p.Receipts)
		for _, a := range demoAccepts(p.Role, p.Accepts) {
			fmt.Fprintf(&b, "      - %s\n", a)
		}
		b.WriteString("    retry: {first: 100ms, max: 1s, age: 30d}\n    breaker: {failures: 3, open_for: 500ms}\n")
	}
	b.WriteString("routes:\n  - {name: addressees, to: [addressees]}\n  - {name: the patient's GP follows the plan, to: [gp]}\n")
	_, number, _ := strings.Cut(patient, "|")
	if err := os.WriteFile(filepath.Join(dir, "patients.csv"), fmt.Appendf(nil, "identifier,municipality,gp\n%s,%s,%s\n", number, municipality, gp), 0o600); err != nil {
		return "", fmt.Errorf("write demo patients: %w", err)
	}
	name := filepath.Join(dir, "samvirke.yaml")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		return "", fmt.Errorf("write demo configuration: %w", err)
	}
	return name, nil
}

// demoAccepts: a party that reads both whole FHIR messages and notices gets whole the ones written to
// it, and a notice of everything else that changes the plan.
func demoAccepts(role string, formats []string) []string {
	has := map[string]bool{}
	for _, f := range formats {
		has[f] = true
	}
	var out []string
	if has["kith"] {
		out = append(out, "{format: kith}")
	}
	switch {
	case has["fhir"] && has["fhir-notification"]:
		kinds := "EPIKRISE, task-answer"
		if role == "municipality" {
			kinds = "assessment, plan-update"
		}
		out = append(out, "{format: fhir, kinds: ["+kinds+"]}", "{format: fhir-notification}")
	case has["fhir"]:
		out = append(out, "{format: fhir}")
	case has["fhir-notification"]:
		out = append(out, "{format: fhir-notification}")
	}
	return out
}

func quoted(values []string) string {
	q := make([]string, len(values))
	for i, v := range values {
		q[i] = fmt.Sprintf("%q", v)
	}
	return strings.Join(q, ", ")
}
