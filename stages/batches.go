package stages

import (
	"math/rand/v2"
	"slices"
	"sort"
)

// bucketBatches is how many batches' worth of examples are sorted by length together: enough that little is padded, few
// enough that a batch's company changes from epoch to epoch.
const bucketBatches = 20

// epochOrder divides examples of the given lengths into batches of alike length, in an order that depends on seed and
// epoch alone. Each element is a batch of indices; the last may be short.
func epochOrder(lengths []int, batchSize int, seed int64, epoch int) [][]int {
	random := rand.New(rand.NewPCG(uint64(seed), uint64(epoch)))
	order := random.Perm(len(lengths))
	var batches [][]int
	for start := 0; start < len(order); start += batchSize * bucketBatches {
		bucket := order[start:min(start+batchSize*bucketBatches, len(order))]
		sort.SliceStable(bucket, func(i, j int) bool { return lengths[bucket[i]] < lengths[bucket[j]] })
		for at := 0; at < len(bucket); at += batchSize {
			batches = append(batches, bucket[at:min(at+batchSize, len(bucket))])
		}
	}
	random.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
	return batches
}

// epochSteps gathers the batches of an epoch into steps of accumulate batches each; the last step may be of fewer.
func epochSteps(lengths []int, batchSize, accumulate int, seed int64, epoch int) [][][]int {
	return slices.Collect(slices.Chunk(epochOrder(lengths, batchSize, seed, epoch), accumulate))
}

// byLength is the order of indices from the shortest to the longest, ties in order.
func byLength(lengths []int) []int {
	order := make([]int, len(lengths))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return lengths[order[i]] < lengths[order[j]] })
	return order
}

// mostBatchTokens bounds predict_batch_tokens: what is more is a slip, and no memory would do.
const mostBatchTokens = 1 << 20

// batchLimit bounds a batch, of which at least one row is: tokens counts padding too, as many for each row as the longest has; rows is
// 0 for no bound.
type batchLimit struct{ tokens, rows int }

// batchLimit bounds a batch of predictions.
func (c *Config) batchLimit() batchLimit { return batchLimit{c.PredictBatchTokens, c.PredictBatchSize} }

// judgeLimit bounds a batch of a dev set. It is no setting, since sums depend on it in their last digits, and with them what is trained.
var judgeLimit = batchLimit{tokens: 2048}

// batches divides rows of the given lengths into batches of alike length, from the shortest to the longest. Each element is a batch of
// indices.
func (l batchLimit) batches(lengths []int) [][]int {
	var all [][]int
	order := byLength(lengths)
	for start := 0; start < len(order); {
		end := start + 1
		for end < len(order) && (end-start+1)*lengths[order[end]] <= l.tokens && (l.rows == 0 || end-start < l.rows) {
			end++
		}
		all = append(all, order[start:end])
		start = end
	}
	return all
}
