package kith

import (
	"os"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// treePaths reads the element paths of a published tree; recursion marks ("see above") are expanded by nobody.
func treePaths(t *testing.T, file string) []string {
	t.Helper()
	raw, err := os.ReadFile(mappingtest.Shared(t, "standards/no/trees/"+file))
	if err != nil {
		t.Fatal(err)
	}
	var stack, out []string
	for line := range strings.Lines(string(raw)) {
		body := strings.TrimLeft(line, " ")
		depth := (len(line) - len(body)) / 2
		name, _, _ := strings.Cut(strings.TrimSpace(body), " ")
		if name == "" || name[0] == '#' {
			continue
		}
		name = strings.TrimSuffix(name, "?")
		stack = append(stack[:min(depth, len(stack))], name)
		if name[0] == '<' {
			continue
		}
		var p []string
		for _, s := range stack {
			if s[0] != '<' {
				p = append(p, s)
			}
		}
		out = append(out, "/"+strings.Join(p, "/"))
	}
	return out
}

// TestTableHasEveryElement compares each table with the published tree of its schema.
func TestTableHasEveryElement(t *testing.T) {
	f := newFormat(t)
	files := map[string]string{
		"INNLEGGELSESRAPPORT": "Innleggelsesrapport", "UTSKRIVNINGSRAPPORT": "TverrfagligEpikrise",
		"LOG_INNLAGT": "Pasientlogistikk", "LOG_UTSKRIVNINGSKLAR": "Pasientlogistikk", "LOG_AVMELDING": "Pasientlogistikk",
		"LOG_UTSKREVET": "Pasientlogistikk", "LOG_DOD": "Pasientlogistikk",
		"HELSEOPPL_SOKNAD": "HelseopplysningerVedSoknad", "HELSEOPPLYSNINGER_LEGE": "HelseopplysningerTilLege",
		"MEDISINSKE_OPPLYSNINGER": "MedisinskeOpplysninger", "ORIENTERING_TJENESTETILBUD": "OrienteringOmTjenestetilbud",
		"FRAVARSMELDING": "MeldingFravar", "FODSELS_EPIKRISE": "TverrfagligEpikrise",
	}
	for _, kind := range f.Kinds() {
		if isDialog(kind) {
			files[kind] = "Dialogmelding"
		}
	}
	files[kindNewReferral], files[kindOnwardReferral] = "Henvisning", "Henvisning"
	for kind, file := range files {
		for _, version := range f.Versions(kind) {
			const at = "/MsgHead/Document/RefDoc/Content"
			have := map[string]bool{}
			for _, r := range f.Table(kind, version) {
				have[r.XML], have[strings.TrimPrefix(r.XML, at)] = true, true
			}
			missing := 0
			tree := "PLO-v" + version + "-" + file
			if isDialog(kind) || isReferral(kind) {
				tree = file + "-v" + version
			}
			for _, p := range treePaths(t, tree+".txt") {
				if other := f.tables[kind].child; other != "" && otherChild(f, p, other) {
					continue
				}
				if !have[p] {
					missing++
					t.Errorf("%s %s: no row for %s", kind, version, p)
				}
			}
			for _, p := range treePaths(t, "MsgHead-v1.2.txt") {
				// Of the header: no batches of patients, and a signature dies with the bytes it signs.
				if !have[p] && !strings.Contains(p, "/Signature") && !strings.Contains(p, "/PatientReport") {
					missing++
					t.Errorf("%s: no row for %s", kind, p)
				}
			}
			if missing == 0 && len(have) < 150 {
				t.Errorf("%s %s: only %d rows", kind, version, len(have))
			}
		}
	}
}

// TestHCPTableHasEveryElement does the same for epicrises and referrals 1.x. The tree of referral 1.0 is not published; the
// generated message of TestFullMessages holds all that its schema names.
func TestHCPTableHasEveryElement(t *testing.T) {
	f := newFormat(t)
	for file, at := range map[string][2]string{
		"Epikrise-v1.0": {kindEpicrisis, "1.0"}, "Epikrise-v1.1": {kindEpicrisis, "1.1"}, "Epikrise-v1.2": {kindEpicrisis, "1.2"},
		"Henvisning-v1.1": {kindReferral, "1.1"},
	} {
		have, tree := map[string]bool{}, map[string]bool{}
		for _, r := range f.Table(at[0], at[1]) {
			have[r.XML] = true
		}
		for _, p := range treePaths(t, file+".txt") {
			if tree[p] = true; !have[p] && !strings.HasSuffix(p, "/Event/Event") { // the table lists what stands inside itself once
				t.Errorf("%s: no row for %s", file, p)
			}
		}
		for p := range have {
			if !tree[p] && !strings.Contains(p, "/Base64Container") && !strings.Contains(p, "/PreferertTolk/") { // the tree expands a type once
				t.Errorf("%s: the table has %s, which the tree has not", file, p)
			}
		}
	}
}

// TestCodesHaveTheirType compares the codes of the tables with the published types: a CS has no system in the message,
// a CV names it.
func TestCodesHaveTheirType(t *testing.T) {
	f := newFormat(t)
	for file, at := range map[string][2]string{
		"Epikrise-v1.0": {kindEpicrisis, "1.0"}, "Epikrise-v1.1": {kindEpicrisis, "1.1"}, "Epikrise-v1.2": {kindEpicrisis, "1.2"},
		"Henvisning-v1.1": {kindReferral, "1.1"}, "Henvisning-v2.0": {kindNewReferral, "2.0"},
	} {
		codes := map[string]string{}
		for _, r := range f.Table(at[0], at[1]) {
			codes[strings.TrimPrefix(r.XML, "/MsgHead/Document/RefDoc/Content")] = r.Codes
		}
		for p, typ := range treeTypes(t, file+".txt") {
			if typ == "CS" && codes[p] == "@S" || typ == "CV" && codes[p] != "@S" && !strings.HasSuffix(p, "/TypeId") {
				t.Errorf("%s: %s is %s, the table has %q", file, p, typ, codes[p])
			}
		}
	}
}

// treeTypes gives the type of each element path of a published tree.
func treeTypes(t *testing.T, file string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(mappingtest.Shared(t, "standards/no/trees/"+file))
	if err != nil {
		t.Fatal(err)
	}
	out, paths := map[string]string{}, treePaths(t, file)
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' || line[0] == '<' {
			continue
		}
		_, typ, _ := strings.Cut(line, " : ")
		out[paths[0]] = typ
		paths = paths[1:]
	}
	return out
}

// otherChild tells whether a path leads through the element of another kind of logistics message.
func otherChild(f *Format, p, own string) bool {
	for _, t := range f.tables {
		if t.child != "" && t.child != own && strings.Contains(p, "/"+t.child) {
			return true
		}
	}
	return false
}

// TestBoundsOfRows: a row is compared with versions of its own standard only. Without this a "1.6" of the nursing
// messages would cut an element out of a dialogue message 1.0.
func TestBoundsOfRows(t *testing.T) {
	f := newFormat(t)
	for _, kind := range f.Kinds() {
		tab := f.tables[kind]
		own := map[string]bool{"": true}
		for _, other := range f.tables { // a kind need not have all versions of its standard
			for _, r := range other.releases {
				if other.payload == tab.payload || strings.HasPrefix(r.names["po"], kithNS) && strings.HasPrefix(tab.releases[0].names["po"], kithNS) {
					own[r.version] = true
				}
			}
		}
		seen := map[*el]bool{}
		var walk func(row *el, path string)
		walk = func(row *el, path string) {
			if seen[row] {
				return
			}
			seen[row] = true
			path += "/" + row.name
			for i, v := range []string{row.until, row.since, row.manySince, row.demandedTo} {
				// A bound that lies before all versions of this standard says that the element is as it was last.
				if !own[v] && (i == 0 || v >= tab.releases[0].version) {
					t.Errorf("%s%s: bound %s is no version of this standard", kind, path, v)
				}
			}
			if (row.demandedTo == "") != (row.standIn == "") {
				t.Errorf("%s%s: a value to stand in and the version that demands it belong together", kind, path)
			}
			for _, k := range row.kids {
				walk(k, path)
			}
		}
		walk(tab.root(), "")
	}
}

func TestDemandedIn(t *testing.T) {
	open, always, until := leafEl("", "a", "?", text(), "a"), leafEl("", "a", "1", text(), "a"), leafEl("", "a", "?", boolean(), "a").default15("false")
	for version, want := range map[string][3]bool{"1.5": {false, true, true}, "1.6": {false, true, false}, "2.0": {false, true, false}} {
		if got := [3]bool{open.demandedIn(version), always.demandedIn(version), until.demandedIn(version)}; got != want {
			t.Errorf("%s: %v, want %v", version, got, want)
		}
	}
}
