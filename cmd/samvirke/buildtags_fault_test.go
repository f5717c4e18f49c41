//go:build fault

package main

// buildTags is what the program under test is built with: it can be told to end at a point.
const buildTags = "fault"
