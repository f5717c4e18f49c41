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
	f := &finder{texts: texts, seen: map[uintptr]bool{}, types: map[reflect.Type]*shape{}}
	for _, t := range texts {
		f.bytes = append(f.bytes, []byte(t))
	}
	f.walk(reflect.ValueOf(&d.tables).Elem())
	slices.Sort(f.found)
	return slices.Compact(f.found)
}

type finder struct {
	texts []string
	bytes [][]byte // the same
	path  []step
	found []string
	seen  map[uintptr]bool // rows that stand in a table and an index
	types map[reflect.Type]*shape
}

// shape is what a type is made of, as far as there can be text in it. It is asked for once for each type, not for each row.
type shape struct {
	text, list bool // list: of bytes
	fields     []reflect.StructField
	key, elem  bool // whether those of a map, a list, or a pointer can have text
}

// shapeOf gives nil for a type that can have no text in it.
func (f *finder) shapeOf(t reflect.Type) *shape {
	if x, known := f.types[t]; known {
		return x
	}
	x := &shape{}
	f.types[t] = x // a type that has itself in it
	switch t.Kind() {
	case reflect.String:
		x.text = true
	case reflect.Slice:
		x.list = t.Elem().Kind() == reflect.Uint8
		x.elem = !x.list && f.shapeOf(t.Elem()) != nil
	case reflect.Pointer, reflect.Array:
		x.elem = f.shapeOf(t.Elem()) != nil
	case reflect.Map:
		x.key, x.elem = f.shapeOf(t.Key()) != nil, f.shapeOf(t.Elem()) != nil
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			break
		}
		for field := range t.Fields() {
			if f.shapeOf(field.Type) != nil {
				x.fields = append(x.fields, field)
			}
		}
	}
	if !x.text && !x.list && !x.key && !x.elem && x.fields == nil {
		f.types[t] = nil
		return nil
	}
	return x
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
	x := f.shapeOf(v.Type())
	if x == nil {
		return
	}
	switch v.Kind() {
	case reflect.String:
		f.look(v.String())
	case reflect.Pointer:
		if !v.IsNil() && !f.seen[v.Pointer()] {
			f.seen[v.Pointer()] = true
			f.walk(v.Elem())
		}
	case reflect.Struct:
		f.fields(x, v)
	case reflect.Slice, reflect.Array:
		f.list(x, v)
	case reflect.Map:
		for rows := v.MapRange(); rows.Next(); {
			key := rows.Key()
			if x.key {
				f.under(step{key: key, row: key}, key)
			}
			if x.elem {
				row := rows.Value()
				f.under(step{key: key, row: row}, row)
			}
		}
	}
}

func (f *finder) list(x *shape, v reflect.Value) {
	if x.list {
		f.lookBytes(v.Bytes())
		return
	}
	for i := range v.Len() {
		f.under(step{key: reflect.ValueOf(i), row: v.Index(i)}, v.Index(i))
	}
}

// fields walks the fields of a struct. Those of an embedded one count as its own.
func (f *finder) fields(x *shape, v reflect.Value) {
	for i := range x.fields {
		field := &x.fields[i]
		if at := v.Field(field.Index[0]); field.Anonymous {
			f.walk(at)
		} else {
			f.under(step{name: field.Name}, at)
		}
	}
}

func (f *finder) under(at step, v reflect.Value) {
	f.path = append(f.path, at)
	f.walk(v)
	f.path = f.path[:len(f.path)-1]
}

// look notes the place when one of the texts is in it.
func (f *finder) look(in string) {
	for _, text := range f.texts {
		if len(text) <= len(in) && strings.Contains(in, text) {
			f.note()
			return
		}
	}
}

func (f *finder) lookBytes(in []byte) {
	for _, text := range f.bytes {
		if len(text) <= len(in) && bytes.Contains(in, text) {
			f.note()
			return
		}
	}
}

// note notes the place that is looked at.
func (f *finder) note() {
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
