//go:build !fault

package main

// buildTags is what the program under test is built with.
const buildTags = ""
