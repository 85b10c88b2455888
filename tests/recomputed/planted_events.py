"""What happens to the adults of odd households: services, reviews, law, monitoring."""

from collections.abc import Iterator

from tests.recomputed.chance import Chance, Row

NEEDS = "legal housing food income_work_permit health mental_health child_school safety"
NEEDS += " language transport documents return_reintegration other"
SERVICES = "case_management_contact needs_assessment legal_orientation legal_referral"
SERVICES += " legal_information_session mental_health trafficking_follow_up"
SERVICES += " cultural_orientation social_service_connection transport_help"
SERVICES += " interpretation emergency_aid departure_planning reintegration other"
LEGAL = "represented_none represented_limited represented_full asylum_filed"
LEGAL += " other_relief_filed one_year_deadline_met one_year_deadline_missed"
LEGAL += " potential_relief_identified work_permit_applied work_permit_granted"
LEGAL += " in_absentia_order in_absentia_reopened custody_began custody_ended other"
DECISIONS = "decided_relief decided_voluntary_departure in_absentia_order"
DECISIONS += " decided_removal_order_present decided_terminated_or_dismissed"
DECISIONS += " decided_administratively_closed"


class Events(Chance):
    """Make the dated rows of one adult."""

    def events(
        self, pid: str, anchors: tuple[int, int, int]
    ) -> Iterator[tuple[str, Row]]:
        """Yield dated rows of one adult, around the days that windows begin on."""
        if self.happens(12):
            return
        start, drawn, enrolled = anchors

        def around() -> str | None:
            if self.happens(20):
                return self.day(self.edge() - self.random.choice((0, 0, 90)))
            anchor = self.random.choice((drawn, enrolled, enrolled, enrolled))
            return self.day(anchor + self.near())

        yield from self._services(pid, around, enrolled)
        yield from self._screenings(pid, around)
        yield from self._reviews(pid, around)
        yield from self._law(pid, around, enrolled)
        for _ in range(self.random.choice((0, 1, 1, 2))):
            begins = enrolled - self.random.choice((-20, -1, 0, 1, 50, 900))
            ends = enrolled + self.random.choice((0, 13, 14, 15, 61, 400))
            ends = self.random.choice((begins, start, ends, ends, ends))
            yield (
                "monitoring_spell",
                {
                    "person_key": pid,
                    "started_on": self.day(begins) if self.happens(96) else None,
                    "ended_on": self.day(ends) if self.happens(75) else None,
                    "technology": self.of(
                        "smartphone_app gps_ankle gps_wrist voice other_reporting x", 8
                    ),
                    "end_requested_on": None,
                },
            )

    def _services(self, pid, around, enrolled: int) -> Iterator[tuple[str, Row]]:
        busy = 40 if self.happens(8) else 0
        kinds = SERVICES.split()
        for number in range(self.random.randint(0, 9) + busy):
            kind = "case_management_contact" if number >= 9 else None
            status = self.of("made accepted linked linked closed_unmet closed_unmet", 8)
            referral = self.happens(50)
            dense = enrolled + self.random.randint(0, 80)
            yield (
                "service_event",
                {
                    "person_key": pid,
                    "served_on": self.day(dense) if kind else around(),
                    "type": kind
                    or self.random.choice([*kinds, *kinds[:6], "magic", None]),
                    "mode": self.of("office home phone_video group odd", 8),
                    "minutes": self.of("0 15 30 240", 8),
                    "language_concordant": self.of("0 1", 8),
                    "understanding": self.of("0 1 2 3 4 5", 50),
                    "referral_domain": self.of("legal housing food " + NEEDS, 8)
                    if referral
                    else None,
                    "referral_status": status if referral else "not_a_referral",
                    "referral_closed_reason": self.of("no_capacity cost fear odd", 8)
                    if status == "closed_unmet" or self.happens(10)
                    else None,
                    "referral_closed_after_days": self.of("0 30 89 90 91 200", 8)
                    if referral
                    else None,
                    "funding_source": self.of("cmpp ssp odd", 8),
                },
            )

    def _screenings(self, pid, around) -> Iterator[tuple[str, Row]]:
        for _ in range(self.random.randint(0, 4)):
            yield (
                "screening",
                {
                    "person_key": pid,
                    "screened_on": around(),
                    "tool": self.of(
                        "trafficking_short mental_health_brief mental_health_brief "
                        "safety legal_relief odd",
                        5,
                    ),
                    "result": self.of("negative indicators indicators declined", 5),
                    "action": self.of(
                        "none legal_referral legal_referral mental_health_referral", 5
                    ),
                    "support_wanted": self.of("0 1 1", 5),
                    "linked_after_days": self.of("0 59 60 61 179 180 181", 15),
                },
            )

    def _reviews(self, pid, around) -> Iterator[tuple[str, Row]]:
        for _ in range(self.random.randint(0, 8)):
            yield (
                "goal_review",
                {
                    "person_key": pid,
                    "reviewed_on": around(),
                    "domain": self.of("housing housing housing odd " + NEEDS, 10),
                    "status": self.of("0 1 2 3 4", 10),
                    "met": self.of("0 1", 10),
                },
            )
        for _ in range(self.random.randint(0, 3)):
            yield (
                "wellbeing_review",
                {
                    "person_key": pid,
                    "reviewed_on": around(),
                    "band": self.of("0 1 2 3 4", 15),
                },
            )

    def _law(self, pid, around, enrolled: int) -> Iterator[tuple[str, Row]]:
        for _ in range(self.random.randint(0, 5)):
            yield (
                "legal_event",
                {
                    "person_key": pid,
                    "happened_on": around(),
                    "kind": self.of(LEGAL + " odd", 30),
                    "source": "attorney",
                },
            )
        for _ in range(self.random.choice((0, 0, 1, 1, 2))):
            yield (
                "legal_event",
                {
                    "person_key": pid,
                    "happened_on": self.day(enrolled + self.random.randint(-30, 500)),
                    "kind": self.of(DECISIONS, 99),
                    "source": "document",
                },
            )
        busy = 12 if self.happens(15) else 0
        for number in range(self.random.randint(0, 4) + busy):
            kind = self.random.choice(("hearing_master", "hearing_individual"))
            dense = enrolled + self.random.randint(0, 150)
            yield (
                "obligation_event",
                {
                    "person_key": pid,
                    "due_on": self.day(dense) if number > 4 else around(),
                    "kind": kind
                    if number > 4
                    else self.of(
                        "hearing_master hearing_individual ice_check_in ice_check_in "
                        "address_update_due address_update_due other odd",
                        10,
                    ),
                    "result": self.of(
                        "met met met missed missed excused_or_rescheduled "
                        "notice_problem unknown odd",
                        10,
                    ),
                    "continuance_reason": self.of(
                        "none none seek_counsel prepare interpreter court odd", 10
                    ),
                    "accompanied": self.of("0 1", 10),
                    "source": "participant",
                },
            )
