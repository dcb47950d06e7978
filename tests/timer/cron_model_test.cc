// Random schedules beside a model that takes every local time one by one and asks Abseil when it
// comes; and random bytes. TIMERD_SEED=n replays.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "server/base/check.h"
#include "server/timer/cron.h"
#include "tests/support/status_matchers.h"

namespace timerd::timer {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

uint64_t Seed() {
  const char* given = std::getenv("TIMERD_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "TIMERD_SEED=" << seed << std::endl;
  return seed;
}

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  // From `first` to `last`, both included.
  int64_t Draw(int64_t first, int64_t last) {
    return std::uniform_int_distribution<int64_t>(first, last)(random_);
  }
  bool OneIn(int n) { return Draw(1, n) == 1; }
  template <typename Container>
  auto Pick(const Container& container) {
    return *std::next(std::begin(container), Draw(0, std::size(container) - 1));
  }

 private:
  std::mt19937_64 random_;
};

// A field as text, and the values that it names.
struct Field {
  std::string text;
  std::set<int> values;

  bool BeginsWithStar() const { return text[0] == '*' || text[0] == '?'; }
};

void AddItem(Dice& dice, int first, int last, Field& field) {
  const int from = static_cast<int>(dice.Draw(first, last));
  const int to = static_cast<int>(dice.Draw(from, last));
  const int step = static_cast<int>(dice.Draw(1, last - first + 1));
  const auto add = [&](int begin, int end, int by) {
    for (int value = begin; value <= end; value += by) {
      field.values.insert(value);
    }
  };
  switch (dice.Draw(0, 4)) {
    case 0:
      absl::StrAppend(&field.text, "*/", step);
      return add(first, last, step);
    case 1:
      absl::StrAppend(&field.text, from, "-", to);
      return add(from, to, 1);
    case 2:
      absl::StrAppend(&field.text, from, "-", to, "/", step);
      return add(from, to, step);
    case 3:
      absl::StrAppend(&field.text, from, "/", step);
      return add(from, last, step);
    default:
      absl::StrAppend(&field.text, from);
      return add(from, from, 1);
  }
}

Field DrawField(Dice& dice, int first, int last, int star_one_in) {
  Field field;
  if (dice.OneIn(star_one_in)) {
    field.text = "*";
    for (int value = first; value <= last; ++value) {
      field.values.insert(value);
    }
    return field;
  }
  do {
    field.text += field.text.empty() ? "" : ",";
    AddItem(dice, first, last, field);
  } while (dice.OneIn(3));
  return field;
}

struct Model {
  Field second, minute, hour, day, month, weekday;

  std::string Expression() const {
    const std::string five = absl::StrCat(minute.text, " ", hour.text, " ", day.text, " ",
                                          month.text, " ", weekday.text);
    return second.text.empty() ? five : absl::StrCat(second.text, " ", five);
  }

  bool HasDay(absl::CivilDay date) const {
    // Abseil's weeks begin on Monday = 0.
    const int of_week = (static_cast<int>(absl::GetWeekday(date)) + 1) % 7;
    const bool by_date = day.values.count(date.day()) > 0;
    const bool by_weekday = weekday.values.count(of_week) > 0;
    const bool both = day.BeginsWithStar() || weekday.BeginsWithStar();
    return month.values.count(date.month()) > 0 &&
           (both ? by_date && by_weekday : by_date || by_weekday);
  }

  // True when a day of these 28 years, which have every combination of date and weekday, counts.
  bool HasAnyDay() const {
    for (absl::CivilDay date(2000, 1, 1); date.year() < 2028; ++date) {
      if (HasDay(date)) {
        return true;
      }
    }
    return false;
  }

  // When it fires in (from, to), in Unix seconds.
  std::vector<int64_t> Moments(const absl::TimeZone& zone, absl::Time from, absl::Time to) const {
    std::vector<int64_t> moments;
    const absl::CivilDay end(absl::ToCivilDay(to, zone) + 2);
    for (absl::CivilDay date = absl::ToCivilDay(from, zone) - 2; date < end; ++date) {
      if (!HasDay(date)) {
        continue;
      }
      for (const int h : hour.values) {
        for (const int m : minute.values) {
          for (const int s : second.values) {
            AddMoments(zone.At(absl::CivilSecond(date.year(), date.month(), date.day(), h, m, s)),
                       moments);
          }
        }
      }
    }
    std::sort(moments.begin(), moments.end());
    moments.erase(std::unique(moments.begin(), moments.end()), moments.end());
    const auto outside = [&](int64_t moment) {
      return moment <= absl::ToUnixSeconds(from) || moment >= absl::ToUnixSeconds(to);
    };
    moments.erase(std::remove_if(moments.begin(), moments.end(), outside), moments.end());
    return moments;
  }

  void AddMoments(const absl::TimeZone::TimeInfo& local, std::vector<int64_t>& moments) const {
    const bool all_hours = hour.values.size() == 24;
    switch (local.kind) {
      case absl::TimeZone::TimeInfo::UNIQUE:
        moments.push_back(absl::ToUnixSeconds(local.pre));
        return;
      case absl::TimeZone::TimeInfo::SKIPPED:
        if (!all_hours) {
          moments.push_back(absl::ToUnixSeconds(local.trans));
        }
        return;
      case absl::TimeZone::TimeInfo::REPEATED:
        moments.push_back(absl::ToUnixSeconds(local.pre));
        if (all_hours) {
          moments.push_back(absl::ToUnixSeconds(local.post));
        }
        return;
    }
  }
};

// `dense`: many times of day and nearly every day; otherwise few times of day on few days.
Model DrawModel(Dice& dice, bool dense) {
  Model model;
  model.second.values = {0};
  const auto one = [&](int last) {
    Field field;
    field.text = absl::StrCat(*field.values.insert(static_cast<int>(dice.Draw(0, last))).first);
    return field;
  };
  if (dense) {
    if (dice.OneIn(4)) {
      model.second = DrawField(dice, 0, 59, 4);
    }
    model.minute = DrawField(dice, 0, 59, 4);
    model.hour = DrawField(dice, 0, 23, 3);
  } else {
    model.minute = one(59);
    model.hour = dice.OneIn(4) ? DrawField(dice, 0, 23, 2) : one(3);
  }
  const int star_one_in = dense ? 1 : 4;
  model.day = DrawField(dice, 1, 31, dense && dice.OneIn(3) ? 2 : star_one_in);
  model.month = DrawField(dice, 1, 12, star_one_in);
  model.weekday = DrawField(dice, 0, 6, dense && dice.OneIn(3) ? 2 : star_one_in);
  return model;
}

// Changes of an hour, half an hour, two hours and a day; at midnight, just after it; the other way
// round in Dublin and Casablanca; and none.
constexpr const char* kZones[] = {"Europe/Berlin",     "America/New_York",  "Australia/Lord_Howe",
                                  "Pacific/Apia",      "Africa/Cairo",      "America/St_Johns",
                                  "Antarctica/Troll",  "Africa/Casablanca", "Europe/Dublin",
                                  "America/Sao_Paulo", "Pacific/Kwajalein", "America/Caracas",
                                  "Asia/Pyongyang",    "Asia/Tehran",       "America/Havana",
                                  "Asia/Kolkata",      "Pacific/Auckland",  "UTC"};

// A moment at which the offset changes, where there is one after a random time.
absl::Time DrawMoment(Dice& dice, const absl::TimeZone& zone) {
  const absl::Time time = absl::FromUnixSeconds(dice.Draw(-1'000'000'000, 4'000'000'000));
  absl::TimeZone::CivilTransition change;
  return zone.NextTransition(time, &change) ? zone.At(change.to).trans : time;
}

class CronModelTest : public ::testing::Test {
 protected:
  // Compares everything that can be asked of a schedule in (from, to).
  void Compare(const CronSchedule& schedule, const std::vector<int64_t>& moments, absl::Time from,
               absl::Time to) {
    int64_t after = absl::ToUnixNanos(from);
    for (const int64_t moment : moments) {
      ASSERT_EQ(schedule.Next(after), moment * kNanosPerSecond);
      after = moment * kNanosPerSecond;
    }
    const std::optional<int64_t> next = schedule.Next(after);
    ASSERT_TRUE(next.has_value());
    ASSERT_GE(*next, absl::ToUnixNanos(to));
    for (int span = 0; span < 20; ++span) {
      const int64_t a = dice_.Draw(absl::ToUnixNanos(from), absl::ToUnixNanos(to) - 1);
      // Often right at a match, where errors of one would show.
      const int64_t b = !moments.empty() && dice_.OneIn(2)
                            ? dice_.Pick(moments) * kNanosPerSecond
                            : dice_.Draw(absl::ToUnixNanos(from), absl::ToUnixNanos(to) - 1);
      const auto up_to = [&](int64_t ns) {
        return std::upper_bound(moments.begin(), moments.end(), ns,
                                [](int64_t x, int64_t y) { return x < y * kNanosPerSecond; });
      };
      const auto counted = std::max<int64_t>(0, up_to(b) - up_to(a));
      ASSERT_EQ(schedule.Count(a, b), static_cast<uint64_t>(counted)) << a << " to " << b;
      if (up_to(a) != moments.end()) {
        ASSERT_EQ(schedule.Next(a), *up_to(a) * kNanosPerSecond) << a;
      }
    }
    compared_ += moments.size();
  }

  void Run(int cases, bool dense, absl::Duration around) {
    int refused = 0;
    for (int i = 0; i < cases && !HasFatalFailure(); ++i) {
      const Model model = DrawModel(dice_, dense);
      const std::string zone_name = dice_.Pick(kZones);
      SCOPED_TRACE(absl::StrCat("case ", i, ": \"", model.Expression(), "\" in ", zone_name));
      const auto schedule = CronSchedule::Parse(model.Expression(), zone_name);
      ASSERT_EQ(schedule.ok(), model.HasAnyDay()) << schedule.status();
      if (!schedule.ok()) {
        ++refused;
        continue;
      }
      absl::TimeZone zone;
      TIMERD_CHECK(absl::LoadTimeZone(zone_name, &zone));
      const absl::Time middle = DrawMoment(dice_, zone);
      const absl::Time from = middle - around;
      const absl::Time to = middle + around;
      Compare(**schedule, model.Moments(zone, from, to), from, to);
    }
    EXPECT_LT(refused, cases / 4);
    EXPECT_GT(compared_, static_cast<uint64_t>(cases)) << "the test hardly ran";
  }

  Dice dice_{Seed()};
  uint64_t compared_ = 0;
};

TEST_F(CronModelTest, FiresAndCountsAsTheModelAroundChangesOfTheClock) {
  Run(400, /*dense=*/true, absl::Hours(40));
}

TEST_F(CronModelTest, FiresAndCountsAsTheModelOverYears) {
  Run(400, /*dense=*/false, absl::Hours(24 * 700));
}

TEST_F(CronModelTest, TakesAnyBytesWithoutHarm) {
  const std::string parts[] = {"*",  "/",    "-",  ",",  "?",        " ",      "\t",  "0",   "1",
                               "7",  "23",   "59", "60", "99",       "@",      "L",   "JAN", "sun",
                               "\n", "\xff", "2 ", "* ", "* * * * ", "@daily", "*/2 "};
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string text;
    if (dice_.OneIn(4)) {
      text.resize(dice_.Draw(0, 300));
      std::generate(text.begin(), text.end(),
                    [&] { return static_cast<char>(dice_.Draw(0, 255)); });
    } else {
      for (int64_t left = dice_.Draw(0, 12); left > 0; --left) {
        text += dice_.Pick(parts);
      }
    }
    EXPECT_THAT(CronSchedule::Parse("@daily", text + "!"),
                testing::IsRefused(Reason::kInvalidField));
    const auto schedule = CronSchedule::Parse(text, "");
    if (!schedule.ok()) {
      ASSERT_THAT(schedule, testing::IsRefused(Reason::kInvalidField));
      ASSERT_THAT(std::string(schedule.status().message()),
                  ::testing::StartsWith("cron.expression"));
      ASSERT_EQ(DetailOf(schedule.status()), "cron.expression");
      continue;
    }
    ++accepted;
    const int64_t after = dice_.Draw(-4'000'000'000, 4'000'000'000) * kNanosPerSecond;
    const std::optional<int64_t> next = (*schedule)->Next(after);
    ASSERT_TRUE(next.has_value()) << text;
    ASSERT_GT(*next, after) << text;
    ASSERT_EQ((*schedule)->Count(after, *next), 1u) << text;
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace timerd::timer
