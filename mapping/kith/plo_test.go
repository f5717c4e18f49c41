package kith

import (
	"strings"
	"testing"

	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// ours tells whether an example is a message of the kinds with a MsgHead that this package maps.
func ours(e mappingtest.Example) bool {
	switch e.MessageType {
	case "INNLEGGELSESRAPPORT", "UTSKRIVNINGSRAPPORT", "HELSEOPPL_SOKNAD", "HELSEOPPLYSNINGER_LEGE", "MEDISINSKE_OPPLYSNINGER",
		"ORIENTERING_TJENESTETILBUD", "FRAVARSMELDING", "FODSELS_EPIKRISE":
		return true
	}
	return strings.HasPrefix(e.MessageType, "LOG_") || isDialog(e.MessageType) || strings.HasPrefix(e.MessageType, kindReferral+"_")
}

func newFormat(t testing.TB) *Format {
	t.Helper()
	f, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
