// Package plain holds the functions that generated programs consist of: plain
// loops over the standard library alone. Package gosource copies those that a
// network needs into its source; nothing imports them from here but tests.
//
// An image is channels last, (h,w,c), without a batch. Functions that work in
// place have one slice, others read x and set y, which must not overlap.
package plain
