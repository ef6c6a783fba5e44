// Repeated measurements of one quantity.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace moetop {

class Repeats {
  public:
    void add(double value) { values_.push_back(value); }

    double median() const { return quantile(0.5); }

    // Interquartile range over the median, in percent.
    double spread_percent() const {
        return 100.0 * (quantile(0.75) - quantile(0.25)) / quantile(0.5);
    }

  private:
    // Interpolated between the two nearest; there is at least one value.
    double quantile(double share) const {
        std::vector<double> sorted = values_;
        std::sort(sorted.begin(), sorted.end());
        const double place = share * static_cast<double>(sorted.size() - 1);
        const size_t below = static_cast<size_t>(place);
        const size_t above = std::min(below + 1, sorted.size() - 1);
        return sorted[below] +
               (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
    }

    std::vector<double> values_;
};

}  // namespace moetop
