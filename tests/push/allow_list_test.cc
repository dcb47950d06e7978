// Which URLs may be pushed to, against those that try to look like them.
#include "server/push/allow_list.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace timerd::push {
namespace {

using ::testing::HasSubstr;
using ::timerd::testing::HasStatus;
using ::timerd::testing::IsOk;
using ::timerd::testing::IsRefused;

AllowList Allowing(const std::vector<std::string>& values) {
  auto list = AllowList::Parse(values);
  EXPECT_THAT(list, IsOk());
  return list.ok() ? *std::move(list) : AllowList();
}

bool Allows(const AllowList& list, const std::string& url) {
  const auto checked = list.Check(url, "target.url");
  if (!checked.ok()) {
    EXPECT_THAT(checked, IsRefused(Reason::kInvalidField));
    EXPECT_EQ(DetailOf(checked.status()), "target.url");
  }
  return checked.ok();
}

TEST(AllowListTest, AllowsNothingByDefault) {
  for (const char* url : {"http://127.0.0.1/", "https://example.com/", "grpc://localhost:9000"}) {
    EXPECT_FALSE(Allows(AllowList(), url)) << url;
  }
  EXPECT_THAT(AllowList().Check("http://h/", "url"),
              HasStatus(absl::StatusCode::kInvalidArgument, "pushes to nobody"));
}

TEST(AllowListTest, AllowsWhatIsBelowAPrefix) {
  const AllowList list = Allowing({"https://hooks.example.com/timerd/, http://10.0.0.7:8080/a",
                                   "grpc://10.0.0.7:9000", "http://[::1]:80"});
  for (const char* url :
       {"https://hooks.example.com/timerd/", "https://hooks.example.com/timerd/mail?key=1",
        "https://hooks.example.com:443/timerd/x", "https://hooks.example.com:0443/timerd/x",
        "HTTPS://Hooks.EXAMPLE.com/timerd/x", "https://hooks.example.com/timerd/a%20b",
        "https://hooks.example.com/timerd/...", "http://10.0.0.7:8080/a",
        "http://10.0.0.7:8080/a/b", "http://10.0.0.7:8080/a?x=/../", "grpc://10.0.0.7:9000",
        "grpc://10.0.0.7:9000/", "http://[::1]", "http://[::1]/x",
        "http://[0:0:0:0:0:0:0:1]:80/x"}) {
    EXPECT_TRUE(Allows(list, url)) << url << ": " << list.Check(url, "url").status();
  }
}

TEST(AllowListTest, RefusesWhatOnlyLooksAlike) {
  const AllowList list =
      Allowing({"https://good.example/timerd", "http://good.example:8080/", "http://127.0.0.1/",
                "grpc://good.example:9000", "http://[::1]/"});
  for (const char* url :
       {// another scheme, host or port
        "http://good.example/timerd", "https://good.example:444/timerd",
        "https://good.example.evil/timerd", "https://evil.good.example/timerd",
        "https://good.exampl/timerd", "http://good.example/", "http://good.example:80/",
        "grpc://good.example:9001", "grpc://good.example", "http://good.example:9000/",
        "ftp://good.example/timerd", "file:///timerd", "gopher://good.example:8080/",
        // a path that is not below
        "https://good.example/", "https://good.example", "https://good.example/timerdx",
        "https://good.example/timer", "https://good.example/TIMERD", "https://good.example//timerd",
        "https://good.example/x/timerd", "grpc://good.example:9000/timerd.v1.Timers/Cancel",
        "grpc://good.example:9000/?x",
        // a path that leaves
        "https://good.example/timerd/../admin", "https://good.example/timerd/..",
        "https://good.example/timerd/.", "https://good.example/timerd/./x",
        "https://good.example/timerd/%2e%2e/admin", "https://good.example/timerd/%2E./admin",
        "https://good.example/timerd/.%2e/admin", "https://good.example/timerd%2f..%2fadmin",
        "https://good.example/timerd/..%2Fadmin", "https://good.example/timerd/%252e%252e/admin",
        "https://good.example/timerd/..;/admin", "https://good.example/timerd/..%3b/admin",
        "https://good.example/timerd/..\\admin", "https://good.example/timerd/%5c..%5cadmin",
        "https://good.example/timerd/%00", "https://good.example/timerd/%",
        "https://good.example/timerd/%2", "https://good.example/timerd/%zz",
        // a host that is another
        "http://good.example:8080@evil/", "http://good.example@evil:8080/",
        "http://user@good.example:8080/", "http://user:password@good.example:8080/",
        "http://@good.example:8080/", "http://good.example:8080\\@evil/",
        "http://evil\\@good.example:8080/", "http://evil#@good.example:8080/",
        "http://good.example:8080#@evil/", "http://evil?@good.example:8080/",
        "http://good.example.:8080/", "http://127.0.0.1./", "http://good.example%00.evil:8080/",
        "http://good.example%2f@evil:8080/", "http://good.example:8080%2f@evil/",
        "http://[::1%25eth0]/", "http://[::1%eth0]/", "http://[::ffff:127.0.0.1]/",
        "http://127.0.0.2/", "http://[::1]evil/", "http://[::1/",
        // not quite a URL
        "", " ", "good.example:8080", "//good.example:8080/", "http:good.example:8080/",
        "http:/good.example:8080/", "http:///good.example:8080/", "http://", "http://:8080/",
        "http://good.example:80 80/", "http://good.example:8080/ x", " http://good.example:8080/",
        "http://good.example:8080/\r\nHost: evil", "http://good.example:8080/\tx",
        "http://good.example:8080/\x7f", "http://good.example:0/", "http://good.example:99999/",
        "http://good.example:-8080/", "http://good.example:8080x/", "http://g\xc3\xb6od.example/",
        "http://\xef\xbd\x87ood.example:8080/", "http://good.example:8080/\xc3\xb6"}) {
    EXPECT_FALSE(Allows(list, url)) << url;
  }
  EXPECT_FALSE(Allows(list, "http://good.example:8080/" + std::string(2048, 'a')));
  EXPECT_FALSE(Allows(list, std::string("http://good.example:8080/\0x", 27)));
}

TEST(AllowListTest, TakesEveryWayToWriteAnAddressForTheOneThatIsCalled) {
  const AllowList list = Allowing({"http://127.0.0.1/"});
  for (const char* url : {"http://0x7f.1/x", "http://2130706433/x", "http://0177.0.0.1/x"}) {
    const auto checked = list.Check(url, "url");
    ASSERT_THAT(checked, IsOk()) << url;
    EXPECT_EQ(checked->ToString(), "http://127.0.0.1:80/x") << url;
  }
  EXPECT_FALSE(Allows(Allowing({"http://0x7f.1.example/"}), "http://127.0.0.1/"));
}

TEST(AllowListTest, GivesTheUrlThatItChecked) {
  const auto url = Allowing({"https://h.example"}).Check("HTTPS://H.example?a=b", "url");
  ASSERT_THAT(url, IsOk());
  EXPECT_EQ(url->ToString(), "https://h.example:443/?a=b");
  EXPECT_EQ(url->ToText(), "https://h.example:443/");
}

TEST(AllowListTest, SaysWhatIsWrongWithAPrefix) {
  const auto error = [](const std::string& value) {
    return std::string(AllowList::Parse({value}).status().message());
  };
  EXPECT_THAT(error("http://a/,nonsense"), HasSubstr("--push-allow: \"nonsense\""));
  EXPECT_THAT(error(""), HasSubstr("--push-allow: \"\""));
  EXPECT_THAT(error("http://a/?b"), HasSubstr("has a query"));
  EXPECT_THAT(error("http://u@a/"), HasSubstr("user name"));
  EXPECT_THAT(error("http://a./"), HasSubstr("ends in a dot"));
  EXPECT_THAT(error("grpc://a"), HasSubstr("port"));
  EXPECT_THAT(error("grpc://a:1/x"), HasSubstr("grpc://host:port"));
  EXPECT_THAT(error("http://a/b/../c"), HasSubstr("\"..\""));
}

}  // namespace
}  // namespace timerd::push
