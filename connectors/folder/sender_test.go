package folder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
)

func TestFileName(t *testing.T) {
	t.Parallel()
	cases := []struct {
		d    samvirke.Delivery
		want string
	}{
		{samvirke.Delivery{Seq: 42, ExternalID: "5f3c-1", ContentType: "application/xml"}, "000000000042-5f3c-1.xml"},
		{samvirke.Delivery{Seq: 7, ExternalID: "a", ContentType: "application/fhir+json"}, "000000000007-a.json"},
		{samvirke.Delivery{Seq: 7, ExternalID: "a", ContentType: "text/plain"}, "000000000007-a.bin"},
		{samvirke.Delivery{Seq: 7, ExternalID: "a", Body: []byte("\xef\xbb\xbf\n<a/>")}, "000000000007-a.xml"},
		{samvirke.Delivery{Seq: 7, ExternalID: "a", ContentType: "text/plain", Body: []byte(" {}")}, "000000000007-a.json"},
		{samvirke.Delivery{Seq: 7, ExternalID: "../../etc/pass wd\x00æ", ContentType: "text/xml"}, "000000000007-.._.._etc_pass_wd__.xml"},
		{samvirke.Delivery{Seq: 7, ExternalID: strings.Repeat("x", 300)}, "000000000007-" + strings.Repeat("x", 100) + ".bin"},
	}
	for _, c := range cases {
		if got := FileName(c.d); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestSendWritesOnlyTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, young := filepath.Join(dir, tempPrefix+"1"+tempSuffix), filepath.Join(dir, tempPrefix+"2"+tempSuffix)
	for _, f := range []string{old, young} {
		if err := os.WriteFile(f, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-2 * staleTemp)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	s, err := NewSender(SenderOptions{Party: "gp", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	d := samvirke.Delivery{Seq: 1, ExternalID: "a", ContentType: "application/xml", Body: []byte("<a>\xe6</a>")}
	for i, answer := range []string{"file written", "file already there"} {
		res, err := s.Send(t.Context(), d)
		if err != nil || res.Answer != answer || res.Body != nil {
			t.Errorf("send %d: got %+v, %v; want %q", i+1, res, err, answer)
		}
	}
	other := d
	other.Body = []byte("<b>\xe6</b>") // same length, so that the content itself must be compared
	if _, err := s.Send(t.Context(), other); samvirke.FaultOf(err).Code != "file-exists" || samvirke.ClassOf(err) != samvirke.Permanent {
		t.Errorf("got %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 || entries[0].Name() != filepath.Base(young) || entries[1].Name() != "000000000001-a.xml" {
		t.Errorf("folder holds %v, %v; want the young temporary file and the message", entries, err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "000000000001-a.xml"))
	if err != nil || string(got) != string(d.Body) {
		t.Errorf("file holds %q, %v", got, err)
	}
}

func TestSendIntoWhatIsNoFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below"), filepath.Join(t.TempDir(), "missing")} {
		s, err := NewSender(SenderOptions{Party: "gp", Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Send(t.Context(), samvirke.Delivery{Seq: 1, Body: []byte("x")})
		if f := samvirke.FaultOf(err); f.Class != samvirke.Transient || f.Code != "folder-unavailable" {
			t.Errorf("%s: got %v", dir, err)
		}
	}
	if _, err := NewSender(SenderOptions{Party: "gp"}); err == nil {
		t.Error("no dir: no error")
	}
}
