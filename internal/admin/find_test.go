package admin

import "testing"

// TestPatientNumber: what has the form of a national number is not let into an address, ids of messages are.
func TestPatientNumber(t *testing.T) {
	for text, want := range map[string]bool{
		"tlf 018190 12345": true, "018190.12345 x": true, "018190 123456": false, "018190 x 12345": false,
		"": false, "timeout line 12": false, "01010112345": true, "fnr 01010112345 again": true, "010101-1234": true, "0101011234": true,
		"123456789": false, "123456789012": false, "0190a3c4-0000-7000-8000-000000000001": false, "x0190a3c4": false,
		"urn:oid:2.16.578.1.12.4.1.4.1|01010112345": true,
	} {
		if got := patientNumber(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
