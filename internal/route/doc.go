// Package route decides who receives a message, in which format and version,
// and says which rule decided. It is pure: rules and parties in, choices out.
package route
