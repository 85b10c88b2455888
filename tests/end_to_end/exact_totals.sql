-- The exact totals of the twelve running metrics, for one or several sites.
--
-- Written by hand from the words of the catalogue's definitions, to be set
-- against what the nodes compute. It shares nothing with them: plain tables, plain
-- dates, no register file, read straight from the folders that were imported.
--
-- Before it: SET VARIABLE folder = '<folder that holds one folder per site>';
-- After it: exact_total (what a site's vector must hold, cell by cell) and
-- exact_figure (what the Board is shown, as numerator / denominator), the latter
-- also for site = 'all'.
--
-- It assumes records as they are when every quarter closes on the same import: then
-- a household's cohort for an event is the quarter of the event's first day, and its
-- entry year is the fiscal year of the first thing that ever happened to it.

-- --- the records, as the folders hold them -----------------------------------

CREATE MACRO sheet(name) AS TABLE
    SELECT *, regexp_extract(filename, '([^/]+)/[^/]+$', 1) AS site
    FROM read_csv(
        getvariable('folder') || '/*/' || name || '.csv',
        header = true, all_varchar = true, filename = true);

CREATE TABLE participant AS
    SELECT site, household_key, person_key, adult_number::INTEGER AS adult_number,
        age_band, gender, language_group, consent_stats = 'yes' AS consents
    FROM sheet('participant');

CREATE TABLE household AS
    SELECT site, household_key, type FROM sheet('household');

CREATE TABLE eligibility_screening AS
    SELECT site, person_key, screened_on::DATE AS screened_on
    FROM sheet('eligibility_screening');

CREATE TABLE pool_entry AS
    SELECT site, household_key, entered_on::DATE AS entered_on, channel,
        coalesce(interested = '1', false) AS interested,
        drawn_on::DATE AS drawn_on, coalesce(selected = '1', false) AS selected
    FROM sheet('pool_entry');

CREATE TABLE enrolment AS
    SELECT site, person_key, enrolled_on::DATE AS enrolled_on,
        exited_on::DATE AS exited_on,
        coalesce(transferred_in = '1', false) AS transferred_in
    FROM sheet('enrolment');

CREATE TABLE service_event AS
    SELECT site, person_key, served_on::DATE AS served_on, type
    FROM sheet('service_event');

CREATE TABLE screening AS
    SELECT site, person_key, screened_on::DATE AS screened_on, tool, result
    FROM sheet('screening');

CREATE TABLE legal_event AS
    SELECT site, person_key, happened_on::DATE AS happened_on, kind
    FROM sheet('legal_event');

CREATE TABLE obligation_event AS
    SELECT site, person_key, due_on::DATE AS due_on, kind, result
    FROM sheet('obligation_event');

-- --- periods: federal fiscal years, their halves and quarters ----------------

CREATE TABLE period AS
    SELECT 'FY' || year || part AS period, year,
        make_date(year - 1, 10, 1) + to_months(begins) AS first_day,
        (make_date(year - 1, 10, 1) + to_months(ends) - INTERVAL 1 DAY)::DATE
            AS last_day
    FROM (VALUES (2023), (2024), (2025)) AS years(year),
        (VALUES ('', 0, 12), ('-H1', 0, 6), ('-H2', 6, 12), ('-Q1', 0, 3),
            ('-Q2', 3, 6), ('-Q3', 6, 9), ('-Q4', 9, 12)) AS parts(part, begins, ends);

CREATE MACRO fiscal_year(day) AS
    year(day) + CASE WHEN month(day) >= 10 THEN 1 ELSE 0 END;

-- --- who is counted ----------------------------------------------------------

-- The first thing that happened to a household puts it in the register.
CREATE TABLE registered AS
    SELECT site, household_key, min(day) AS first_seen_on,
        fiscal_year(min(day)) AS entry_year
    FROM (
        SELECT site, household_key, screened_on AS day
        FROM eligibility_screening JOIN participant USING (site, person_key)
        UNION ALL SELECT site, household_key, entered_on FROM pool_entry
        UNION ALL SELECT site, household_key, drawn_on FROM pool_entry
        UNION ALL SELECT site, household_key, enrolled_on
        FROM enrolment JOIN participant USING (site, person_key)
        UNION ALL SELECT site, household_key, exited_on
        FROM enrolment JOIN participant USING (site, person_key)
        UNION ALL SELECT site, household_key, happened_on
        FROM legal_event JOIN participant USING (site, person_key)
        WHERE kind LIKE 'decided_%' OR kind = 'in_absentia_order'
    ) GROUP BY ALL HAVING min(day) IS NOT NULL;

-- At most two adults: who enrolled first, then the lower number.
CREATE TABLE adult AS
    SELECT p.*, row_number() OVER (
        PARTITION BY p.site, p.household_key
        ORDER BY e.first_enrolled_on NULLS LAST, p.adult_number) AS slot
    FROM participant p JOIN registered r USING (site, household_key)
    LEFT JOIN (
        SELECT site, person_key, min(enrolled_on) AS first_enrolled_on
        FROM enrolment GROUP BY ALL) e USING (site, person_key)
    QUALIFY slot <= 2;

-- A household is counted if none of its counted adults withholds consent.
CREATE TABLE counted AS
    SELECT r.site, r.household_key, r.entry_year,
        min(e.enrolled_on) AS first_enrolled_on,
        coalesce(bool_or(NOT e.transferred_in), false) AS enrolled_here,
        coalesce(bool_or(a.gender = 'woman'), false) AS includes_woman,
        coalesce(bool_or(a.age_band IN ('18_24', '25_34')), false)
            AS includes_aged_18_to_34,
        coalesce(bool_or(a.language_group = 'spanish'), false)
            AS includes_spanish_speaking
    FROM registered r
    JOIN adult a USING (site, household_key)
    LEFT JOIN enrolment e ON e.site = a.site AND e.person_key = a.person_key
    GROUP BY ALL HAVING bool_and(a.consents);

-- --- one row per household that a metric counts ------------------------------

-- M01, M04: first entered the pool in the period, and interested.
CREATE TABLE pool AS
    SELECT c.site, p.period, household_key, e.channel
    FROM counted c JOIN pool_entry e USING (site, household_key)
    JOIN period p ON e.entered_on BETWEEN p.first_day AND p.last_day
    WHERE e.interested AND c.entry_year BETWEEN p.year - 1 AND p.year;

-- M07: selected at the first draw in the period; did an adult enrol in 90 days?
CREATE TABLE drawn AS
    SELECT c.site, p.period, c.household_key, EXISTS (
        SELECT 1 FROM enrolment e JOIN adult a USING (site, person_key)
        WHERE a.site = c.site AND a.household_key = c.household_key
            AND e.enrolled_on BETWEEN d.drawn_on AND d.drawn_on + 90) AS took_up
    FROM counted c JOIN pool_entry d USING (site, household_key)
    JOIN period p ON d.drawn_on BETWEEN p.first_day AND p.last_day
    WHERE d.selected AND c.entry_year BETWEEN p.year - 1 AND p.year;

-- M08, M12, M18, M43: first enrolled in the period, not only by transfer.
CREATE TABLE enrolled AS
    SELECT c.site, p.period, c.household_key, c.includes_woman,
        c.includes_aged_18_to_34, c.includes_spanish_speaking,
        coalesce(h.type IN ('family_one_adult', 'family_two_adults'), false) AS family,
        EXISTS (
            SELECT 1 FROM service_event s JOIN adult a USING (site, person_key)
            WHERE a.site = c.site AND a.household_key = c.household_key
                AND s.type = 'legal_orientation'
                AND s.served_on BETWEEN c.first_enrolled_on - 30
                    AND c.first_enrolled_on + 30) AS oriented,
        EXISTS (
            SELECT 1 FROM legal_event l JOIN adult a USING (site, person_key)
            WHERE a.site = c.site AND a.household_key = c.household_key
                AND l.kind IN ('represented_limited', 'represented_full')
                AND l.happened_on BETWEEN c.first_enrolled_on - 1000
                    AND c.first_enrolled_on + 180) AS represented
    FROM counted c LEFT JOIN household h USING (site, household_key)
    JOIN period p ON c.first_enrolled_on BETWEEN p.first_day AND p.last_day
    WHERE c.enrolled_here AND c.entry_year BETWEEN p.year - 2 AND p.year;

-- M14, M22: first enrolled in the period, and an adult still enrolled on day 60.
CREATE TABLE sixty AS
    SELECT c.site, p.period, c.household_key,
        EXISTS (
            SELECT 1 FROM screening s JOIN adult a USING (site, person_key)
            WHERE a.site = c.site AND a.household_key = c.household_key
                AND s.tool = 'trafficking_short'
                AND s.result IN ('negative', 'indicators', 'declined')
                AND s.screened_on BETWEEN c.first_enrolled_on - 30
                    AND c.first_enrolled_on + 60) AS screened,
        (
            SELECT count(DISTINCT s.type) = 2
            FROM service_event s JOIN adult a USING (site, person_key)
            WHERE a.site = c.site AND a.household_key = c.household_key
                AND s.type IN ('needs_assessment', 'legal_orientation')
                AND s.served_on BETWEEN c.first_enrolled_on - 30
                    AND c.first_enrolled_on + 60) AS assessed_and_oriented
    FROM counted c
    JOIN period p ON c.first_enrolled_on BETWEEN p.first_day AND p.last_day
    WHERE c.entry_year BETWEEN p.year - 2 AND p.year AND EXISTS (
        SELECT 1 FROM enrolment e JOIN adult a USING (site, person_key)
        WHERE a.site = c.site AND a.household_key = c.household_key
            AND NOT e.transferred_in
            AND e.enrolled_on <= c.first_enrolled_on + 60
            AND coalesce(e.exited_on > c.first_enrolled_on + 60, true));

-- M09: an adult enrolled on the last day of the period.
CREATE TABLE active AS
    SELECT c.site, p.period, c.household_key
    FROM counted c JOIN period p ON c.entry_year BETWEEN p.year - 5 AND p.year
    WHERE EXISTS (
        SELECT 1 FROM enrolment e JOIN adult a USING (site, person_key)
        WHERE a.site = c.site AND a.household_key = c.household_key
            AND e.enrolled_on <= p.last_day
            AND coalesce(e.exited_on > p.last_day, true));

-- M29, M32: served on any day of the period, with something due in it.
CREATE TABLE due AS
    SELECT c.site, p.period, c.household_key,
        CASE WHEN o.kind = 'ice_check_in' THEN 'M32' ELSE 'M29' END AS metric,
        coalesce(bool_and(o.result IS DISTINCT FROM 'missed'), true) AS none_missed
    FROM counted c JOIN period p ON c.entry_year BETWEEN p.year - 5 AND p.year
    JOIN adult a ON a.site = c.site AND a.household_key = c.household_key
    JOIN obligation_event o ON o.site = a.site AND o.person_key = a.person_key
        AND o.due_on BETWEEN p.first_day AND p.last_day
    WHERE o.kind IN ('hearing_master', 'hearing_individual', 'ice_check_in')
        AND EXISTS (
            SELECT 1 FROM enrolment e JOIN adult s USING (site, person_key)
            WHERE s.site = c.site AND s.household_key = c.household_key
                AND e.enrolled_on <= p.last_day
                AND coalesce(e.exited_on > greatest(e.enrolled_on, p.first_day), true))
    GROUP BY ALL;

-- --- what every vector must hold ---------------------------------------------

CREATE TABLE exact_total AS
    WITH one AS (
        SELECT 'pool' AS query, site, period, channel AS cell, 1 AS value FROM pool
        UNION ALL SELECT 'selected', site, period, '', 1 FROM drawn
        UNION ALL SELECT 'taken_up', site, period, '',
            CASE WHEN took_up THEN 1 ELSE -1 END FROM drawn
        UNION ALL SELECT 'enrolled', site, period, '', 1 FROM enrolled
        UNION ALL SELECT 'oriented', site, period, '',
            CASE WHEN oriented THEN 1 ELSE -1 END FROM enrolled
        UNION ALL SELECT 'represented', site, period, '',
            CASE WHEN represented THEN 1 ELSE -1 END FROM enrolled
        UNION ALL SELECT 'family', site, period, '',
            CASE WHEN family THEN 1 ELSE -1 END FROM enrolled
        UNION ALL SELECT 'woman', site, period, '',
            CASE WHEN includes_woman THEN 1 ELSE -1 END FROM enrolled
        UNION ALL SELECT 'aged_18_to_34', site, period, '',
            CASE WHEN includes_aged_18_to_34 THEN 1 ELSE -1 END FROM enrolled
        UNION ALL SELECT 'spanish_speaking', site, period, '',
            CASE WHEN includes_spanish_speaking THEN 1 ELSE -1 END FROM enrolled
        UNION ALL SELECT 'enrolled_60_days', site, period, '', 1 FROM sixty
        UNION ALL SELECT 'covered', site, period, '',
            CASE WHEN screened AND assessed_and_oriented THEN 1 ELSE -1 END FROM sixty
        UNION ALL SELECT 'screened', site, period, '',
            CASE WHEN screened THEN 1 ELSE -1 END FROM sixty
        UNION ALL SELECT 'active', site, period, '', 1 FROM active
        UNION ALL SELECT CASE metric WHEN 'M29' THEN 'hearings' ELSE 'check_ins' END,
            site, period, CASE WHEN none_missed THEN 'yes' ELSE 'no' END, 1 FROM due
    )
    SELECT query, site, period, cell, sum(value)::BIGINT AS total
    FROM one GROUP BY ALL;

-- --- what the Board is shown -------------------------------------------------

CREATE TABLE exact_figure AS
    WITH one AS (
        SELECT 'M01' AS metric, site, period, 
            unnest(['channel=all', 'channel=' || channel]) AS cell,
            1 AS yes, NULL AS every FROM pool
        UNION ALL SELECT 'M07', site, period, '', took_up::INT, 1 FROM drawn
        UNION ALL SELECT 'M08', site, period, '', 1, NULL FROM enrolled
        UNION ALL SELECT 'M09', site, period, '', 1, NULL FROM active
        UNION ALL SELECT 'M12', site, period, unnest([
                'group=family', 'group=woman', 'group=aged 18 to 34',
                'group=spanish speaking']),
            unnest([family, includes_woman, includes_aged_18_to_34,
                includes_spanish_speaking])::INT, 1 FROM enrolled
        UNION ALL SELECT 'M14', site, period, '',
            (screened AND assessed_and_oriented)::INT, 1 FROM sixty
        UNION ALL SELECT 'M18', site, period, '', oriented::INT, 1 FROM enrolled
        UNION ALL SELECT 'M22', site, period, '', screened::INT, 1 FROM sixty
        UNION ALL SELECT metric, site, period, '', none_missed::INT, 1 FROM due
        UNION ALL SELECT 'M43', site, period, '', represented::INT, 1 FROM enrolled
    ), summed AS (
        SELECT metric, coalesce(site, 'all') AS site, period, cell,
            sum(yes)::BIGINT AS numerator, sum(every)::BIGINT AS denominator
        FROM one
        GROUP BY GROUPING SETS (
            (metric, site, period, cell), (metric, period, cell))
    )
    SELECT * FROM summed
    UNION ALL
    SELECT 'M04', c.site, c.period, c.cell, c.numerator, a.numerator
    FROM summed c JOIN summed a USING (metric, site, period)
    WHERE c.metric = 'M01' AND c.cell <> 'channel=all' AND a.cell = 'channel=all';
