package codes_test

import (
	"encoding/csv"
	"os"
	"testing"

	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// sourceRows reads the published code lists: number, OID, code, display.
func sourceRows(t *testing.T) [][]string {
	t.Helper()
	f, err := os.Open(mappingtest.Shared(t, "standards/no/codes/kodeverk.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}
