package postgres

import (
	"reflect"
	"strings"

	"github.com/samvirke/samvirke/queue"
)

// cleanUnit replaces what PostgreSQL cannot hold in a text: bytes that are no UTF-8, and the character of number zero.
// It is done only after the database has refused a unit; bodies are bytes and stay as they are.
func cleanUnit(u *queue.Unit) { cleanValue(reflect.ValueOf(u)) }

func cleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}

func cleanValue(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			c := reflect.New(v.Elem().Type())
			c.Elem().Set(v.Elem())
			cleanValue(c.Elem())
			if v.CanSet() {
				v.Set(c)
			} else {
				v.Elem().Set(c.Elem())
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				cleanValue(f)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 || v.IsNil() {
			return
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len()) // the caller keeps what is its own
		reflect.Copy(c, v)
		for i := range c.Len() {
			cleanValue(c.Index(i))
		}
		v.Set(c)
	case reflect.Map:
		if v.IsNil() {
			return
		}
		c := reflect.MakeMap(v.Type())
		for it := v.MapRange(); it.Next(); {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			key.Set(it.Key())
			value.Set(it.Value())
			cleanValue(key)
			cleanValue(value)
			c.SetMapIndex(key, value)
		}
		v.Set(c)
	case reflect.String:
		v.SetString(cleanText(v.String()))
	}
}
