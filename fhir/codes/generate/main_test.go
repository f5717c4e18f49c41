package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// withoutCodes are the systems that messages use and the published code lists do not have: the
// classifications (ICD-10, ICPC-2, ATC, NCSP, NCMP), which have publishers of their own, and the rest.
var withoutCodes = []string{"1111", "7110", "7170", "7171", "7180", "7210", "7220", "7322", "8223", "9077"}

// The list in the repository is what the generator makes of the published code lists.
func TestListIsCurrent(t *testing.T) {
	mappingtest.Shared(t, "standards/no/codes/kodeverk.csv")
	want, missing, err := list(mappingtest.Shared(t, "standards"), "..")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(missing, withoutCodes) {
		t.Errorf("systems without codes: %v, want %v", missing, withoutCodes)
	}
	raw, err := os.ReadFile(filepath.Join("..", "list.txt.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("run go generate ./fhir/codes")
	}
}
