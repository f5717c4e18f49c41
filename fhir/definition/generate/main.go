// Command generate writes the rule tables of package definition from published definitions.
//
//	go run ./fhir/definition/generate -standards ../shared/standards
//
// It reads fhir/definitions (StructureDefinitions, value sets and JSON schema of FHIR R4),
// no/fhir/StructureDefinition (the Norwegian base profiles) and no/codes/kodeverk.csv below that
// folder, and writes fhir/definition/tables/*.txt.gz. Only facts are taken: names and order of
// elements, cardinalities, types, bindings, fixed values, codes; no text written for people.
// The same input gives the same tables, byte for byte after decompression; a test holds the
// tables in the repository against the standards where these are at hand.
package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	standards := flag.String("standards", filepath.Join("..", "shared", "standards"), "folder with the published definitions")
	out := flag.String("out", filepath.Join("fhir", "definition", "tables"), "folder to write to")
	flag.Parse()
	if err := run(*standards, *out); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// run writes R4 first: the profiles are XML and are read with the R4 tables.
func run(standards, out string) error {
	r4, err := r4Table(standards)
	if err != nil {
		return fmt.Errorf("R4: %w", err)
	}
	if err := write(filepath.Join(out, "r4.txt.gz"), r4); err != nil {
		return err
	}
	profiles, err := norwegianTable(standards)
	if err != nil {
		return fmt.Errorf("no-basis: %w", err)
	}
	return write(filepath.Join(out, "no-basis.txt.gz"), profiles)
}

// write compresses without a time stamp, so that nothing differs from run to run.
func write(path string, text []byte) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(text); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes, %d compressed\n", path, len(text), b.Len())
	return os.WriteFile(path, b.Bytes(), 0o644)
}
