package metrics

import (
	"math"
	"slices"
)

// RankTest is the two-sided p-value of the test of Mann and Whitney (1947), also Wilcoxon's rank-sum test: how likely ranks as far
// apart as these are, were it chance which values are in a and which in b. It is exact, also with ties, which share the mean of their
// ranks. Neither may be empty; time and memory grow with the third and the second power of their number, so they are for samples of
// up to a hundred.
func RankTest(a, b []float64) float64 {
	ranks := doubledRanks(slices.Concat(a, b))
	sum, all := 0, 0
	for i, rank := range ranks {
		all += rank
		if i < len(a) {
			sum += rank
		}
	}
	ways := subsetSums(ranks, len(a), all)
	// The expected sum is all·|a|/n; times n, everything is a whole number.
	n := len(ranks)
	distance := func(s int) int { d := s*n - all*len(a); return max(d, -d) }
	extreme, total := 0.0, 0.0
	for s, count := range ways {
		total += count
		if distance(s) >= distance(sum) {
			extreme += count
		}
	}
	return math.Min(1, extreme/total)
}

// doubledRanks are twice the ranks of the values, from 1, so that the mean of tied ranks is a whole number.
func doubledRanks(values []float64) []int {
	sorted := slices.Sorted(slices.Values(values))
	ranks := make([]int, len(values))
	for i, v := range values {
		first, _ := slices.BinarySearch(sorted, v)
		last := first
		for last+1 < len(sorted) && sorted[last+1] == v {
			last++
		}
		ranks[i] = first + last + 2
	}
	return ranks
}

// subsetSums counts, for each sum up to most, the ways to choose size of the numbers that have it.
func subsetSums(numbers []int, size, most int) []float64 {
	ways := make([][]float64, size+1) // by how many were chosen, then by their sum
	for k := range ways {
		ways[k] = make([]float64, most+1)
	}
	ways[0][0] = 1
	for _, number := range numbers {
		for k := size; k > 0; k-- {
			for s := most; s >= number; s-- {
				ways[k][s] += ways[k-1][s-number]
			}
		}
	}
	return ways[size]
}
