package sqlite

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// faultBodies is what the file system of large bodies knows: what each folder holds, and what of that a power cut leaves.
type faultBodies struct {
	names map[string]map[string]*faultBody // by folder
	kept  map[string]map[string]*faultBody // as they were when the folder was synced
}

// faultBody is a file or a folder, wherever its name is.
type faultBody struct {
	folder bool
	synced []byte // the content that a power cut leaves
}

// What of large bodies is not synced, of faultFiles.forgetBody and failBody.
const (
	bodyFile   = "file"
	bodyFolder = "folder"      // that the file is in
	bodyRoot   = "all folders" // the folder of the folders
)

// bodyPart says what of the large bodies a path is, "" for anything else.
func bodyPart(path string) string {
	switch {
	case filepath.Base(path) == "bodies":
		return bodyRoot
	case filepath.Base(filepath.Dir(path)) == "bodies":
		return bodyFolder
	case filepath.Base(filepath.Dir(filepath.Dir(path))) == "bodies":
		return bodyFile
	}
	return ""
}

func (f *faultBodies) name(path string, b *faultBody) {
	if f.names == nil {
		f.names, f.kept = map[string]map[string]*faultBody{}, map[string]map[string]*faultBody{}
	}
	folder := filepath.Dir(path)
	if f.names[folder] == nil {
		f.names[folder] = map[string]*faultBody{}
	}
	f.names[folder][filepath.Base(path)] = b
}

func (f *faultFiles) Mkdir(path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := diskFiles{}.Mkdir(path)
	if err == nil {
		f.bodies.name(path, &faultBody{folder: true})
	}
	return err
}

func (f *faultFiles) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := diskFiles{}.Rename(from, to)
	if err == nil {
		folder := f.bodies.names[filepath.Dir(from)]
		f.bodies.name(to, folder[filepath.Base(from)])
		delete(folder, filepath.Base(from))
	}
	return err
}

// syncBodies syncs a folder of large bodies. The caller holds the lock.
func (f *faultFiles) syncBodies(path string) error {
	part := bodyPart(path)
	if err := f.failBody[part]; err != nil {
		return err
	}
	if err := (diskFiles{}).SyncFolder(path); err != nil {
		return err
	}
	if !f.cut && f.forgetBody != part && f.bodies.kept != nil {
		f.bodies.kept[path] = maps.Clone(f.bodies.names[path])
	}
	return nil
}

// syncBody syncs the file of a large body. The caller holds the lock.
func (f *faultFile) syncBody() error {
	if err := f.fs.failBody[bodyFile]; err != nil {
		return err
	}
	if err := f.journalFile.Sync(); err != nil {
		return err
	}
	if f.fs.cut || f.fs.forgetBody == bodyFile {
		return nil
	}
	content, err := os.ReadFile(f.path)
	f.body.synced = content
	return err
}

// leaveBodies writes what a power cut leaves of the large bodies of a store into its shadow: files with what of them was synced, under
// the names that were synced, in folders whose names were.
func (f *faultFiles) leaveBodies(t *testing.T, shadow, dir string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	root, large := filepath.Join(dir, "bodies"), 0
	for folder := range f.bodies.kept[root] {
		to := filepath.Join(shadow, "bodies", folder)
		if err := os.MkdirAll(to, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, b := range f.bodies.kept[filepath.Join(root, folder)] {
			if err := os.WriteFile(filepath.Join(to, name), b.synced, 0o600); err != nil {
				t.Fatal(err)
			}
			if len(b.synced) > DefaultInlineLimit && !strings.HasSuffix(name, ".tmp") {
				large++
			}
		}
	}
	if large == 0 && f.forgetBody == "" {
		t.Error("the disk holds no body that would be a file with the usual limit: the cut shows nothing of those")
	}
}
