package metrics

import "slices"

// Stable reports whether the last few of the values, as many as that, are positive and differ by less than a share of the least of
// them. Fewer values are not stable.
func Stable(values []float64, last int, share float64) bool {
	if len(values) < last || last < 1 {
		return false
	}
	tail := values[len(values)-last:]
	least, greatest := slices.Min(tail), slices.Max(tail)
	return least > 0 && greatest-least < share*least
}
