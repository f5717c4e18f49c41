package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// The embedded schemas are what the published ones give.
func TestEmbeddedAreCurrent(t *testing.T) {
	driver := mappingtest.Shared(t, "standards/no/xsd/no-all.xsd")
	files, err := derive(os.DirFS(filepath.Dir(driver)), filepath.Base(driver))
	if err != nil {
		t.Fatal(err)
	}
	embedded, err := filepath.Glob("../../xsd/*.xsd")
	if err != nil || len(embedded) != len(files) {
		t.Errorf("%d embedded files, %d derived, %v", len(embedded), len(files), err)
	}
	for _, file := range embedded {
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(files[filepath.Base(file)]) {
			t.Errorf("%s differs; run go generate ./mapping/kith/schema", filepath.Base(file))
		}
	}
}

func TestDerive(t *testing.T) {
	src := fstest.MapFS{
		"all.xsd": {Data: []byte(`<?xml version="1.0" encoding="ISO-8859-1"?>
<!-- prose ` + "\xe6" + ` -->
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" version="1" id="x">
  <xs:import namespace="urn:a" schemaLocation="sub/a.xsd"/>
  <xs:element name="r"><xs:annotation><xs:documentation>prose <b>more</b></xs:documentation></xs:annotation>
    <xs:complexType><xs:attribute name="version" fixed="&lt;1&gt; &amp; 2"/></xs:complexType></xs:element>
</xs:schema>`)},
		"sub/a.xsd": {Data: []byte(`<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:a" xmlns:o="urn:o"><o:annotation name="mine"/></schema>`)},
	}
	files, err := derive(src, "all.xsd")
	if err != nil {
		t.Fatal(err)
	}
	want := `<?xml version="1.0" encoding="UTF-8"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:import namespace="urn:a" schemaLocation="a.xsd"/>
<xs:element name="r"><xs:complexType><xs:attribute name="version" fixed="&lt;1&gt; &amp; 2"/></xs:complexType></xs:element>
</xs:schema>
`
	if got := string(files["all.xsd"]); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := string(files["a.xsd"]); !strings.Contains(got, `<o:annotation name="mine"/>`) {
		t.Errorf("an element of another namespace is no annotation: %s", got)
	}

	bad := map[string]fstest.MapFS{
		"missing import": {"all.xsd": {Data: []byte(`<schema xmlns="http://www.w3.org/2001/XMLSchema"><import schemaLocation="none.xsd"/></schema>`)}},
		"text":           {"all.xsd": {Data: []byte(`<schema xmlns="http://www.w3.org/2001/XMLSchema">text</schema>`)}},
		"two of a name": {
			"all.xsd": {Data: []byte(`<schema xmlns="http://www.w3.org/2001/XMLSchema"><import schemaLocation="x/a.xsd"/><import schemaLocation="y/a.xsd"/></schema>`)},
			"x/a.xsd": {Data: []byte(`<schema/>`)},
			"y/a.xsd": {Data: []byte(`<schema/>`)},
		},
	}
	for name, src := range bad {
		if _, err := derive(src, "all.xsd"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
