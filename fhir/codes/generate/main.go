// Command generate writes the list of package codes from the published national code lists.
//
//	go run ./fhir/codes/generate -standards ../shared/standards
//
// It reads no/codes/kodeverk.csv below that folder and the names in fhir/codes/systems.txt, and
// writes fhir/codes/list.txt.gz: for each named system a line "=NUMBER", then a line "CODE<tab>DISPLAY"
// per code in byte order. A system that the source does not have gets no lines. The same input gives
// the same list.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	standards := flag.String("standards", filepath.Join("..", "shared", "standards"), "folder with the published definitions")
	dir := flag.String("dir", filepath.Join("fhir", "codes"), "folder of package codes")
	flag.Parse()
	if err := run(*standards, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(standards, dir string) error {
	text, missing, err := list(standards, dir)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		fmt.Fprintln(os.Stderr, "named, but without codes in the source:", strings.Join(missing, " "))
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, err = z.Write(text)
	if err := errors.Join(err, z.Close()); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "list.txt.gz"), b.Bytes(), 0o644) //nolint:gosec // a file of the repository
}

// list gives the text of the list and the systems without codes.
func list(standards, dir string) (text []byte, missing []string, err error) {
	names, err := os.ReadFile(filepath.Join(dir, "systems.txt")) //nolint:gosec // a file of the repository
	if err != nil {
		return nil, nil, err
	}
	codes, err := source(filepath.Join(standards, "no", "codes", "kodeverk.csv"))
	if err != nil {
		return nil, nil, err
	}
	var b bytes.Buffer
	for line := range strings.Lines(string(names)) {
		number, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if number == "" {
			continue
		}
		rows := codes[number]
		if len(rows) == 0 {
			missing = append(missing, number)
			continue
		}
		slices.Sort(rows)
		fmt.Fprintf(&b, "=%s\n", number)
		for _, r := range rows {
			b.WriteString(r + "\n")
		}
	}
	return b.Bytes(), missing, nil
}

// source reads the published lists: number of the system to lines of the list.
func source(path string) (map[string][]string, error) {
	f, err := os.Open(path) //nolint:gosec // the user names the folder
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(rows) == 0 || strings.Join(rows[0], ",") != "kodeverk,oid,code,display" {
		return nil, fmt.Errorf("%s: not the columns kodeverk,oid,code,display", path)
	}
	out := map[string][]string{}
	for _, r := range rows[1:] {
		number, code, display := r[0], strings.TrimSpace(r[2]), strings.Join(strings.Fields(r[3]), " ")
		if code == "" {
			continue // the source has a few lines without one
		}
		if strings.ContainsAny(code, "\t\n") {
			return nil, fmt.Errorf("%s: code %q of %s", path, code, number)
		}
		out[number] = append(out[number], code+"\t"+display)
	}
	return out, nil
}
