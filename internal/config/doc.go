// Package config reads the one YAML file that tells the gateway who its
// parties are and how it shall behave: it loads, fills defaults, checks and
// explains.
//
// All mistakes are reported at once, each with file, line, a stable code, what
// is wrong and how to mend it; an unknown key is a mistake, with the key that was
// probably meant. The struct tags in config.go are the single table that decoding,
// defaults, bounds and the printed reference are read from. The file is walked
// as a YAML node tree instead of being unmarshalled, because the library's strict
// mode names Go types in its errors and cannot suggest a key.
//
// Load touches nothing but the files it reads and keeps no state: whoever reloads
// loads into a new Config and swaps it whole, or keeps the old one.
//
// Secrets never leave in print: see Secret.
package config
