// Package deploy has no code: its tests check the files of this folder. It is a module
// of its own, so that nobody who uses tapenet sees the modules that the tests need.
package deploy
