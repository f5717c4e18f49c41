package folder_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/connectors/connectortest"
	"github.com/samvirke/samvirke/connectors/folder"
)

func TestSourceSuite(t *testing.T) {
	for _, settle := range []time.Duration{-1, 30 * time.Millisecond} {
		t.Run(fmt.Sprint("settle ", settle), func(t *testing.T) {
			connectortest.TestSource(t, "hospital", func(t *testing.T, dir string, to connectors.Receiver) connectortest.Source {
				src, err := folder.NewSource(folder.SourceOptions{Party: "hospital", Dir: dir, Receiver: to, Settle: settle, ScanEvery: 50 * time.Millisecond})
				if err != nil {
					t.Fatal(err)
				}
				var n atomic.Int64
				return connectortest.Source{
					Start: src.Start, Stop: src.Stop,
					Put: func(_ context.Context, body []byte) error {
						temp := filepath.Join(dir, fmt.Sprintf("%d-%d.part", time.Now().UnixNano(), n.Add(1)))
						if err := os.WriteFile(temp, body, 0o600); err != nil {
							return err
						}
						return os.Rename(temp, strings.TrimSuffix(temp, ".part")+".xml")
					},
					Refused: func(code string) bool {
						reasons, _ := filepath.Glob(filepath.Join(dir, "errors", "*.reason.txt"))
						for _, r := range reasons {
							if b, _ := os.ReadFile(r); strings.HasPrefix(string(b), "code: "+code+"\n") {
								_, err := os.Stat(strings.TrimSuffix(r, ".reason.txt"))
								return err == nil
							}
						}
						return false
					},
				}
			})
		})
	}
}

// far is the receiver's folder. It fails by being away, or by holding another file of the same name.
type far struct {
	dir string
	// away is where the folder is while it is failing.
	away string
}

func (f *far) Sender(t *testing.T) connectors.Sender {
	s, err := folder.NewSender(folder.SenderOptions{Party: "far", Dir: f.dir})
	if err != nil {
		t.Fatal(err)
	}
	return &back{s, f}
}

// back brings the folder back after the one send that failed.
type back struct {
	connectors.Sender
	far *far
}

func (b *back) Send(ctx context.Context, d samvirke.Delivery) (connectors.Result, error) {
	res, err := b.Sender.Send(ctx, d)
	if b.far.away != "" {
		if err := os.Rename(b.far.away, b.far.dir); err != nil {
			return res, err
		}
		b.far.away = ""
	}
	return res, err
}

func (f *far) Taken(t *testing.T) [][]byte {
	names, err := filepath.Glob(filepath.Join(f.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func (f *far) Fail(t *testing.T, d samvirke.Delivery, class samvirke.Class) bool {
	var err error
	switch class {
	case samvirke.Transient:
		f.away = f.dir + "-away"
		err = os.Rename(f.dir, f.away)
	case samvirke.Permanent:
		err = os.WriteFile(filepath.Join(f.dir, folder.FileName(d)), []byte("another content"), 0o600)
	default:
		return false // there is no login to a folder
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

func (f *far) Close() {}

func TestSenderSuite(t *testing.T) {
	connectortest.TestSender(t, func(t *testing.T) connectortest.Far {
		dir := filepath.Join(t.TempDir(), "out")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		return &far{dir: dir}
	})
}
