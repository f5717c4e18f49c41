package config

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
)

// minSecret is the fewest characters of a token in production.
const minSecret = 16

var partyID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// reserved tells whether an id stands for something else in rules. The name of a role is free for the
// only party that has this role, because then both mean the same party.
func (c *checker) reserved(p *Party) bool {
	switch p.ID {
	case "addressees", "copies", "team":
		return true
	case "hospital", "municipality", "gp", "other":
		n := 0
		for _, role := range c.roles {
			if role == p.ID {
				n++
			}
		}
		return p.Role != p.ID || n != 1
	}
	return false
}

// party checks one party; at is its place, "parties[2]".
func (c *checker) party(p *Party, at string) {
	switch {
	case p.ID == "": // missing-key was reported
	case !partyID.MatchString(p.ID):
		c.report(at+".id", CodeValue, fmt.Sprintf("%q cannot be an id", p.ID), "write 1 to 40 of a-z, 0-9 and hyphen, not beginning with a hyphen")
	case c.reserved(p):
		c.report(at+".id", CodeValue, fmt.Sprintf("%q is a word of the routing rules", p.ID), "choose another id")
	}
	c.own("id", p.ID, p.ID, at+".id")
	if p.Name == "" {
		p.Name = p.ID
	}
	for i, h := range p.HER {
		if !digitsOnly.MatchString(h) {
			c.report(fmt.Sprintf("%s.her[%d]", at, i), CodeValue, fmt.Sprintf("%q is no HER-id", h), "write digits only, without dots")
		}
	}
	if p.Municipality != "" {
		c.number(at+".municipality", p.Municipality)
	} else if p.Role == "municipality" {
		c.report(at+".municipality", CodeMissingKey, "is missing for a party with role municipality", "add the four digits of the municipality it serves")
	}
	c.capacities(p, at)
	c.site(p, at)
	c.identity(p, at)
	c.endpoint(p, at)
	c.folder(p, at)
	c.streams(p, at)
	for i := range p.Accepts {
		c.accept(&p.Accepts[i], fmt.Sprintf("%s.accepts[%d]", at, i))
	}
	for i := range p.Expire {
		c.kinds(p.Expire[i].Kinds, fmt.Sprintf("%s.expire[%d].kinds", at, i))
	}
	c.ways(p, at)
	c.receipts(p, at)
	if p.UnknownPat == "refuse" && c.cfg.Patients == "" {
		c.report(at+".unknown_patient", CodeConflict, "nobody can be known without a patients file", "add patients, or set unknown_patient: accept")
	}
	if p.Retry.First > p.Retry.Max {
		c.report(at+".retry.first", CodeConflict, fmt.Sprintf("the first wait (%s) is longer than the longest (%s)", p.Retry.First, p.Retry.Max), "lower first or raise max")
	}
}

// identity checks how the party proves who it is.
func (c *checker) identity(p *Party, at string) {
	c.secret(p.Token, at+".token")
	c.own("token", p.Token.Reveal(), p.ID, at+".token")
	if p.ClientCert == "" {
		return
	}
	print := strings.ToLower(strings.ReplaceAll(p.ClientCert, ":", ""))
	if raw, err := hex.DecodeString(print); err != nil || len(raw) != 32 {
		c.report(at+".client_cert", CodeValue, "is no SHA-256 fingerprint", "write 64 hex digits, as openssl x509 -fingerprint -sha256 prints them")
	}
	p.ClientCert = print
	c.own("client certificate", print, p.ID, at+".client_cert")
	if c.cfg.TLS == nil || c.cfg.TLS.Cert == "" {
		c.report(at+".client_cert", CodeConflict, "a client certificate cannot arrive without TLS", "add tls with cert and key, or use a token")
	}
}

func (c *checker) secret(s Secret, key string) {
	if n := len(s.Reveal()); n > 0 && n < minSecret && !c.cfg.Test() {
		c.report(key, CodeWeakSecret, fmt.Sprintf("has %d characters", n), fmt.Sprintf("use at least %d random ones in production", minSecret))
	}
}

func (c *checker) endpoint(p *Party, at string) {
	e := p.Endpoint
	if e == nil {
		return
	}
	at += ".endpoint"
	u, err := url.Parse(e.URL)
	switch {
	case e.URL == "": // missing-key was reported
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		c.report(at+".url", CodeValue, "is no HTTP address", "write for instance https://journal.example.no/messages")
	case u.User != nil:
		c.report(at+".url", CodeValue, "holds a user name or password", "use token for what authorises us")
	case u.Scheme == "http" && !c.cfg.Test() && !isLoopback(u.Hostname()):
		c.report(at+".url", CodeInsecure, "sends patient data in plain HTTP to another machine", "use https, or environment: test")
	}
	c.secret(e.Token, at+".token")
	c.keyPair(at, e.Cert, e.Key)
	c.authorities(at+".ca", e.CA)
}

func (c *checker) folder(p *Party, at string) {
	f := p.Folder
	if f == nil {
		return
	}
	at += ".folder"
	if f.In == "" && f.Out == "" {
		c.report(at, CodeMissingKey, "names neither in nor out", "name the folder to read from, the one to write to, or both")
	}
	if f.Out != "" && p.Endpoint != nil {
		c.report(at+".out", CodeConflict, "there is an endpoint too, and a message goes only one way", "take out folder.out or endpoint")
	}
	if f.In != "" && f.Errors == "" {
		f.Errors = filepath.Join(f.In, "errors")
	}
	if f.In != "" && (filepath.Clean(f.In) == filepath.Clean(f.Out) || filepath.Clean(f.In) == filepath.Clean(f.Errors)) {
		c.report(at+".in", CodeConflict, "is also out or errors, so the gateway would read what it wrote", "use a folder of its own for each")
	}
	if f.In != "" {
		c.own("folder", filepath.Clean(f.In), p.ID, at+".in")
	}
	if f.Out != "" && filepath.Clean(f.Out) != filepath.Clean(f.In) {
		c.own("folder", filepath.Clean(f.Out), p.ID, at+".out")
	}
}

// accept checks one format a party reads.
func (c *checker) accept(a *Accept, at string) {
	c.kinds(a.Kinds, at+".kinds")
	known := map[string][]string{
		"kith": {"1.6", "1.5", "1.2", "1.1", "1.0"}, "fhir": {"4.0"}, "fhir-notification": {"4.0"},
	}[a.Format]
	for i, v := range a.Versions {
		if known != nil && !slices.Contains(known, v) {
			c.report(fmt.Sprintf("%s.versions[%d]", at, i), CodeValue, fmt.Sprintf("%q is no version of %s", v, a.Format), "possible are "+strings.Join(known, ", "))
		}
	}
}

// ways checks that the party can be reached, and that it can reach us.
func (c *checker) ways(p *Party, at string) {
	out := len(p.wires()) > 0
	in := !p.Token.IsZero() || p.ClientCert != "" || p.Folder != nil && p.Folder.In != ""
	_, tokenWritten := c.lines[at+".token"] // one that could not be read was reported
	switch {
	case len(p.Accepts) > 0 && !out:
		c.report(at, CodeUnreachable, fmt.Sprintf("party %s accepts messages but there is no way to it", p.ID), "add endpoint, folder.out, nats or kafka, or take out accepts")
	case !out && !in && !tokenWritten && p.ID != "":
		c.report(at, CodeUnreachable, fmt.Sprintf("party %s can neither send nor receive", p.ID), "add token, client_cert or folder.in for what it sends, endpoint or folder.out for what it gets")
	}
}

// receipts fills the default and checks that the receipt fits what the party reads.
func (c *checker) receipts(p *Party, at string) {
	reads := func(format string) bool {
		return slices.ContainsFunc(p.Accepts, func(a Accept) bool { return a.Format == format })
	}
	switch p.Receipts {
	case "":
		p.Receipts = "none"
		if reads("kith") {
			p.Receipts = "apprec"
		}
	case "apprec":
		if len(p.Accepts) > 0 && !reads("kith") {
			c.report(at+".receipts", CodeConflict, "AppRec answers Norwegian XML, and the party accepts none", "set receipts: fhir or none, or add kith to accepts")
		}
	case "fhir":
		if len(p.Accepts) > 0 && !reads("fhir") && !reads("fhir-notification") {
			c.report(at+".receipts", CodeConflict, "a FHIR receipt answers FHIR, and the party accepts none", "set receipts: apprec or none, or add fhir to accepts")
		}
	}
}

// capacities checks roles, and that plan changes can be told.
func (c *checker) capacities(p *Party, at string) {
	known := []string{samvirke.RoleCoordinator, samvirke.RoleIdentityAuthority, samvirke.RolePrivateProvider, samvirke.RolePatientPortal}
	for i, r := range p.Roles {
		place := fmt.Sprintf("%s.roles[%d]", at, i)
		switch {
		case !slices.Contains(known, r):
			fix := "possible are " + strings.Join(known, ", ")
			if s := suggest(r, known); s != "" {
				fix = `did you mean "` + s + `"?`
			}
			c.report(place, CodeValue, fmt.Sprintf("%q is no capacity of a party", r), fix)
		case slices.Contains(p.Roles[:i], r):
			c.report(place, CodeConflict, fmt.Sprintf("%q stands twice", r), "keep one of them")
		}
	}
	if slices.Contains(p.Roles, samvirke.RolePatientPortal) && len(p.Roles) > 1 {
		c.report(at+".roles", CodeConflict, "who speaks for the patient has no other capacity", "give the portal a party of its own")
	}
	if slices.Contains(p.Roles, samvirke.RolePrivateProvider) && slices.Contains(p.Roles, samvirke.RoleCoordinator) {
		c.report(at+".roles", CodeConflict, "a private provider does not see the plans that a coordinator works with", "take out one of the two")
	}
	reads := slices.ContainsFunc(p.Accepts, func(a Accept) bool { return a.Format == "kith" })
	if p.PlanChanges == "dialog" && !reads {
		c.report(at+".plan_changes", CodeConflict, "a dialogue note is Norwegian XML, and the party accepts none", "add kith to accepts, or set plan_changes: none")
	}
}
