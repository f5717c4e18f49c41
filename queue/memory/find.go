package memory

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Find searches all that is on the disk for some texts, bodies, columns, settings and indexes alike, and says where it stands: table,
// id and column, as in "message/7f0e/raw" or "setting/who". The order is that of the alphabet, and none means nowhere.
//
// It walks whatever the tables are made of, so that what is added to them later is searched too.
func (d *Disk) Find(texts ...string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := &finder{seen: map[uintptr]bool{}}
	for _, t := range texts {
		f.texts = append(f.texts, []byte(t))
	}
	f.fields(reflect.ValueOf(&d.tables).Elem())
	slices.Sort(f.found)
	return slices.Compact(f.found)
}

type finder struct {
	texts [][]byte
	path  []step
	found []string
	seen  map[uintptr]bool // rows that stand in a table and an index
}

// step is one part of a path: a field by its name, or a row by its key. It is written only where something is found.
type step struct {
	name     string
	key, row reflect.Value
}

func (s step) String() string {
	if s.name != "" {
		return strings.ToLower(s.name)
	}
	return label(s.key, s.row)
}

func (f *finder) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		f.look([]byte(v.String()))
	case reflect.Pointer:
		if !v.IsNil() && !f.seen[v.Pointer()] {
			f.seen[v.Pointer()] = true
			f.walk(v.Elem())
		}
	case reflect.Struct:
		if v.Type() != reflect.TypeFor[time.Time]() {
			f.fields(v)
		}
	case reflect.Slice, reflect.Array:
		f.list(v)
	case reflect.Map:
		for rows := v.MapRange(); rows.Next(); {
			f.under(step{key: rows.Key(), row: rows.Key()}, rows.Key())
			f.under(step{key: rows.Key(), row: rows.Value()}, rows.Value())
		}
	}
}

func (f *finder) list(v reflect.Value) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		if v.Kind() == reflect.Slice {
			f.look(v.Bytes())
		}
		return
	}
	for i := range v.Len() {
		f.under(step{key: reflect.ValueOf(i), row: v.Index(i)}, v.Index(i))
	}
}

// fields walks the fields of a struct. Those of an embedded one count as its own.
func (f *finder) fields(v reflect.Value) {
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.Anonymous {
			f.walk(v.Field(i))
		} else {
			f.under(step{name: field.Name}, v.Field(i))
		}
	}
}

func (f *finder) under(at step, v reflect.Value) {
	f.path = append(f.path, at)
	f.walk(v)
	f.path = f.path[:len(f.path)-1]
}

// look notes the place when one of the texts is in it.
func (f *finder) look(in []byte) {
	if !slices.ContainsFunc(f.texts, func(text []byte) bool { return bytes.Contains(in, text) }) {
		return
	}
	parts := make([]string, len(f.path))
	for i, at := range f.path {
		parts[i] = at.String()
	}
	f.found = append(f.found, strings.Join(parts, "/"))
}

// label names a row by its id, otherwise by its key or place.
func label(key, row reflect.Value) string {
	for row.Kind() == reflect.Pointer && !row.IsNil() {
		row = row.Elem()
	}
	if row.Kind() == reflect.Struct {
		if id := row.FieldByName("ID"); id.IsValid() && id.Kind() == reflect.String {
			return id.String()
		}
	}
	return fmt.Sprint(key)
}
