package mappingtest

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"testing"
)

// Example is one row of the published examples' index.
type Example struct {
	File, Root, MessageType, Namespace, Status, TestCase, Meaning string
	WellFormed, SchemaValid                                       bool
	FirstError                                                    string
	MsgID, RefersTo, Generated                                    string
	SenderHER, ReceiverHER, CopyHER                               string
	PatientIDType, PatientID, Note                                string
	path                                                          string
}

// Raw reads the example's bytes.
func (e Example) Raw(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile(e.path)
	if err != nil {
		t.Fatalf("read example: %v", err)
	}
	return raw
}

// Examples lists the published example messages that pass the filter (nil: all), in the order
// of their index. The test is skipped when the examples are not at hand; it fails when the index lists
// none that pass, since a test over no examples proves nothing.
func Examples(t testing.TB, filter func(Example) bool) []Example {
	t.Helper()
	index := Shared(t, "standards/no/examples/index.csv")
	f, err := os.Open(index)
	if err != nil {
		t.Fatalf("open index of examples: %v", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatalf("read index of examples: %v", err)
	}
	col := map[string]int{}
	for i, name := range rows[0] {
		col[name] = i
	}
	var out []Example
	for _, r := range rows[1:] {
		at := func(name string) string {
			i, ok := col[name]
			if !ok {
				t.Fatalf("index of examples: no column %s", name)
			}
			return r[i]
		}
		e := Example{
			File: at("file"), Root: at("root"), MessageType: at("message_type"), Namespace: at("namespace"),
			Status: at("status"), TestCase: at("test_case"), Meaning: at("meaning"),
			WellFormed: at("well_formed") == "yes", SchemaValid: at("schema_valid") == "yes", FirstError: at("first_error"),
			MsgID: at("msg_id"), RefersTo: at("refers_to"), Generated: at("generated"),
			SenderHER: at("sender_her"), ReceiverHER: at("receiver_her"), CopyHER: at("copy_her"),
			PatientIDType: at("patient_id_type"), PatientID: at("patient_id"), Note: at("note"),
		}
		e.path = filepath.Join(filepath.Dir(index), filepath.FromSlash(e.File))
		if filter == nil || filter(e) {
			out = append(out, e)
		}
	}
	if len(out) == 0 {
		t.Fatal("no example passes the filter")
	}
	return out
}
