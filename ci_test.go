package samvirke_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSkipsInCI: in a strict run a test that skips fails, whatever it gives as reason, unless .ci/skips names it.
func TestSkipsInCI(t *testing.T) {
	t.Parallel()
	count := filepath.Join(t.TempDir(), "count.exe")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", count, ".ci/count.go").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	short := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(short, []byte("a TestX\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const folder = "github.com/samvirke/samvirke/connectors/folder TestSenderSuite/each_class_of_failure/unauthorized"
	strict := []string{"-skips", ".ci/skips"}
	for name, c := range map[string]struct {
		args         []string
		test, reason string
		passes       bool
	}{
		"any reason":           {strict, "github.com/samvirke/samvirke/queue/sqlite TestTidy", "this file system cannot give room of a file back", false},
		"a program":            {strict, "github.com/samvirke/samvirke/queue/postgres TestSuite", "initdb is not installed", false},
		"no reason":            {strict, "github.com/samvirke/samvirke TestX", "", false},
		"listed":               {strict, folder, "this far side has no failure of class unauthorized", true},
		"another of its suite": {strict, folder + "/more", "this far side has no failure of class unauthorized", false},
		"allowed by a word":    {append(strict, "-may", "SAMVIRKE_SHARED"), "a TestX", "shared facts not at hand (set SAMVIRKE_SHARED)", true},
		"without the word":     {strict, "a TestX", "shared facts not at hand (set SAMVIRKE_SHARED)", false},
		"not strict":           {nil, "a TestX", "initdb is not installed", true},
		"a list without whys":  {[]string{"-skips", short}, "a TestX", "so", false},
	} {
		pkg, test, _ := strings.Cut(c.test, " ")
		event := func(action, test, output string) string {
			return fmt.Sprintf("{\"Action\":%q,\"Package\":%q,\"Test\":%q,\"Output\":%q}\n", action, pkg, test, output)
		}
		cmd := exec.CommandContext(t.Context(), count, c.args...)
		cmd.Stdin = strings.NewReader(event("pass", "TestPassed", "") + event("output", test, "    x_test.go:1: "+c.reason+"\n") + event("skip", test, ""))
		out, err := cmd.CombinedOutput()
		if (err == nil) != c.passes {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
